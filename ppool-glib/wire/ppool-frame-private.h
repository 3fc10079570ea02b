/* ppool-frame-private.h: many calls or results as one run of bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-borrower-private.h"
#include "ppool-lender-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* How large a frame grows, in bytes; an item that is larger travels alone. */
#define PPOOL_FRAME_SIZE ((gsize) 64 * 1024)

/* How many items it has at most. */
#define PPOOL_FRAME_MAX_ITEMS 256

/* How much the values have that are lent with it, in bytes. */
#define PPOOL_FRAME_MAX_LENT ((gsize) 1024 * 1024)

typedef enum
{
  PPOOL_ITEM_CALL = 1, /* pool: a function's name and its arguments */
  PPOOL_ITEM_VALUE,    /* worker: the result of a call */
  PPOOL_ITEM_ERROR,    /* worker: a D-Bus error's name and its body */
  PPOOL_ITEM_RELEASE,  /* both: a loan is given back; the id has its number and generation */
  PPOOL_ITEM_FORGET,   /* both: a segment is lent no more; the id has its number */
  PPOOL_ITEM_OPTIONS,  /* pool: more about the call that comes next, as an a{sv} */

  /* On a lane only, each alone in its packet. */
  PPOOL_ITEM_SEGMENT,  /* both: a segment that will be lent; the id has its number */
  PPOOL_ITEM_CANCEL,   /* pool: a call that may be running is cancelled */
  PPOOL_ITEM_EXIT,     /* pool: no more calls; the id is 0 */
} PPoolItemKind;

/* The halves of the id of a release, a forget or a segment. */
#define PPOOL_ITEM_NUMBER(id) ((guint32) ((id) >> 32))
#define PPOOL_ITEM_GENERATION(id) ((guint32) (id))
#define PPOOL_ITEM_LOAN_ID(number, generation) ((guint64) (number) << 32 | (generation))

/* What is pointed to belongs to the frame. */
typedef struct
{
  PPoolItemKind kind;
  guint64 id;
  const char *name;   /* UTF-8 */
  const guint8 *data; /* a value in the form of ppool_value_append(), or where it is */
  gsize size;
  gboolean is_lent;
} PPoolItem;

typedef struct
{
  GBytes *bytes; /* (unowned) */
  gsize offset;
} PPoolFrameReader;

gsize     ppool_frame_bound           (const char        *name,
                                       GVariant          *value,
                                       PPoolLender       *lender);
gboolean  ppool_item_is_note          (PPoolItemKind      kind);
guint64   ppool_item_get_segment_size (const PPoolItem   *item);

gboolean  ppool_frame_append          (GByteArray        *frame,
                                       PPoolItemKind      kind,
                                       guint64            id,
                                       const char        *name,
                                       GVariant          *value,
                                       PPoolLender       *lender,
                                       GError           **error);
void      ppool_frame_append_note     (GByteArray        *frame,
                                       PPoolItemKind      kind,
                                       guint64            id);
void      ppool_frame_append_segment  (GByteArray        *frame,
                                       guint32            number,
                                       guint64            size);
void      ppool_frame_append_returned (GByteArray        *frame,
                                       PPoolBorrower     *borrower);
void      ppool_frame_append_forgotten (GByteArray  *frame,
                                        PPoolLender *lender);

void      ppool_frame_reader_init     (PPoolFrameReader  *self,
                                       GBytes            *bytes);
gboolean  ppool_frame_reader_next     (PPoolFrameReader  *self,
                                       PPoolItem         *item,
                                       GError           **error);
GVariant *ppool_frame_reader_load     (PPoolFrameReader  *self,
                                       const PPoolItem   *item,
                                       PPoolBorrower     *borrower,
                                       GError           **error);
gboolean  ppool_frame_reader_skip     (const PPoolItem   *item,
                                       PPoolBorrower     *borrower,
                                       GError           **error);

G_END_DECLS
