/* ppool-value-internal.h: what the files of the values share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-value-private.h"

#include <stdbool.h>

G_BEGIN_DECLS

/* GVariant reads as far as 128 levels; the outermost is the envelope's. */
#define PPOOL_VALUE_MAX_DEPTH 126

/* How the values of one type lie in memory. */
typedef struct
{
  gsize size;       /* of each; 0 if not all have the same */
  guint32 n_types;  /* how many follow in an array of these: itself and all in it */
  char class;       /* the first character of the type */
  guint8 alignment; /* less one: a mask */
  guint8 depth;     /* as GLib counts: 1, or one more than what is in it */
  bool any_bytes : 1; /* whichever bytes of that size are a value in normal form */
  bool has_flat : 1;  /* it is an array of such, or one is in it */
  bool has_variant : 1;
} PPoolLayout;

#define PPOOL_N_FEW_LAYOUTS 16

/* A type, and behind it those in it, in the order in which they are written. */
typedef struct
{
  PPoolLayout *types;  /* few, or memory of its own */
  PPoolLayout few[PPOOL_N_FEW_LAYOUTS];
} PPoolLayouts;

gboolean ppool_layouts_init        (PPoolLayouts       *self,
                                    const char         *type,
                                    gsize               length);
void     ppool_layouts_clear       (PPoolLayouts       *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PPoolLayouts, ppool_layouts_clear)

/* A type that is known to be one that a value can have. */
typedef struct
{
  const GVariantType *type; /* (unowned) */
  gsize length;             /* of its string; 0 if there is none */
  PPoolLayouts layouts;
} PPoolKnownType;

const PPoolKnownType *ppool_value_know_type (const char  *string,
                                             gsize        length);
gboolean       ppool_value_check_known (const PPoolKnownType *known,
                                        gconstpointer         data,
                                        gsize                 size);

/* What a value is to who will read its bytes. */
typedef enum
{
  PPOOL_VALUE_NORMAL,
  PPOOL_VALUE_NOT_NORMAL,
  PPOOL_VALUE_TOO_DEEP,
} PPoolValueForm;

PPoolValueForm ppool_value_get_form (GVariant          *value);

gboolean ppool_value_set_too_large (gsize               size,
                                    GError            **error);

G_END_DECLS
