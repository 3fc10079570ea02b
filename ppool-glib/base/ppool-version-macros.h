/* ppool-version-macros.h: which symbols are public, and since when
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <glib.h>

#include "ppool-version.h"

#ifndef _PPOOL_EXTERN
#define _PPOOL_EXTERN extern
#endif

/**
 * PPOOL_AVAILABLE_IN_ALL: (skip)
 *
 * Marks a function that every release has.
 *
 * Since: 1.0
 */
#define PPOOL_AVAILABLE_IN_ALL _PPOOL_EXTERN

/**
 * PPOOL_AVAILABLE_IN_1_0: (skip)
 *
 * Marks a function that came with release 1.0.
 *
 * Since: 1.0
 */
#define PPOOL_AVAILABLE_IN_1_0 _PPOOL_EXTERN
