/* ppool-map-internal.h: what the files of the map share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-completion-private.h"
#include "ppool-map.h"
#include "ppool-pool-private.h"

G_BEGIN_DECLS

/* Where inputs come from: a function, arrays, or both. */
typedef struct
{
  GPtrArray *arrays; /* (owned) (element-type GVariant) */
  gsize length;      /* of the shortest array */
  gsize position;
  PPoolInputFunc func; /* (nullable) */
  gpointer user_data;  /* (owned) */
  GDestroyNotify user_data_destroy;
} PPoolMapInputs;

/* Somebody who wants the next value. */
typedef struct
{
  GList link;                  /* with the map's lock; in its reads */
  PPoolCompletion *completion; /* (owned) (nullable); with the map's lock. NULL if it blocks */
} PPoolMapRead;

/* A call whose error was read. */
typedef struct
{
  PPoolRecord *record; /* (owned) (nullable): NULL if something else was */
  guint64 index;       /* of its input */
} PPoolMapFailed;

struct _PPoolMap
{
  GObject parent_instance;

  /* Constant. */
  PPoolExecutor *executor; /* (owned) (nullable): NULL if a binding made the map */
  PPoolPool *pool;         /* (unowned) (nullable): the executor's */
  PPoolCallSpec *spec;     /* (owned) (nullable): of each call; NULL likewise. Constant from the
                            * first read on, with the lock before */
  gint64 creation_time;
  GCancellable *cancellable; /* (owned): wakes who blocks, when the map is cancelled */

  /* For the read whose turn it is. */
  guint64 n_read;
  guint n_processors; /* 0 before they were looked at */
  gsize input_size;  /* of one, lately */
  gsize result_size; /* likewise */
  PPoolMapInputs inputs; /* with the lock before the first read */

  /* Constant from the first read on, with the lock before. */
  guint chunk_size;
  guint buffer_size;
  int timeout_msec;
  gboolean goes_on; /* after the error of a call */

  GMutex lock; /* guards what follows */
  GCond turn;
  GQueue reads;     /* (unowned) (element-type PPoolMapRead): it is the first one's turn */
  GThread *drawing; /* (unowned) (nullable): in the input function */
  GQueue window;    /* (owned) (element-type PPoolRecord): calls, in the order of inputs */
  GError *error;    /* (owned) (nullable): comes behind the window */
  PPoolMapFailed failed; /* of the read that returned last */
  gboolean started; /* there was a read */
  gboolean drained; /* no input comes any more */
  gboolean ended;   /* no value comes any more either */
  gboolean cancelled;
};

gboolean ppool_map_is_usable    (PPoolMap        *self);
gint64   ppool_map_get_deadline (PPoolMap        *self);
void     ppool_map_fill         (PPoolMap        *self);
gboolean ppool_map_take         (PPoolMap        *self,
                                 PPoolRecord    **head,
                                 GVariant       **value,
                                 PPoolMapFailed  *failed,
                                 GError         **error);

void      ppool_map_inputs_add   (PPoolMapInputs  *self,
                                  GVariant        *array);
GVariant *ppool_map_inputs_next  (PPoolMapInputs  *self,
                                  GError         **error);
void      ppool_map_inputs_clear (PPoolMapInputs  *self);

G_END_DECLS
