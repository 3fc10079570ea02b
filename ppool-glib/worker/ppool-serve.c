/* ppool-serve.c: what a pool asks of this worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-serve-private.h"

#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ppool-batch-private.h"
#include "ppool-protocol-private.h"
#include "ppool-value-private.h"

/* All of this belongs to one thread at a time: it reads there, keeps what has arrived
 * in the order in which it was sent, and gives out call after call. Only answers come
 * from any thread.
 *
 * Large arguments are read where the pool has put them. What the pool says wrongly of
 * loans is passed over: a worker trusts its pool. */

struct _PPoolServe
{
  PPoolAnswers *answers; /* (owned) */
  PPoolWire *wire;       /* (unowned): of the answers */
  PPoolLink *lane;       /* (unowned) (nullable): likewise; NULL if there is none */

  /* Written before the first call. */
  PPoolBoard *board;   /* (unowned) (nullable): of the answers */
  PPoolLoans *loans;   /* (unowned) (nullable): likewise; NULL without segments */
  gboolean as_bytes;    /* values travel as bytes */
  gboolean has_frames;  /* calls come together */
  gboolean has_cancel;  /* the pool may cancel calls */
  gboolean has_options; /* calls in frames may have options */

  PPoolReadOptions last_options;

  GQueue batches;       /* (owned) (element-type PPoolBatch) */
  GHashTable *cancelled; /* (owned) (element-type guint64): calls that were not given out yet */
  PPoolCallId given;     /* the call that was given out last */
  PPoolCallOptions options; /* likewise */
  gboolean is_cancelled;    /* likewise, and nobody was told */
  gboolean leaving;
  gint64 trim_due; /* when segments may have been idle for too long, or -1 */
};

/* Takes @fd and @owner, for which see ppool_answers_new(). */
PPoolServe *
ppool_serve_new (int              fd,
                 PPoolAnswersFunc answered,
                 PPoolAnswersFunc noted,
                 PPoolAnswersFunc watched,
                 gpointer         owner,
                 GDestroyNotify   owner_unref)
{
  PPoolServe *self = g_new0 (PPoolServe, 1);

  self->wire = ppool_wire_new (fd);
  self->answers = ppool_answers_new (self->wire, answered, noted, watched, owner, owner_unref);
  g_queue_init (&self->batches);
  self->cancelled = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->given.initializes = TRUE;
  self->options = PPOOL_CALL_OPTIONS_NONE;
  self->trim_due = -1;

  return self;
}

/* It was closed. */
void
ppool_serve_free (PPoolServe *self)
{
  g_assert (self->wire == NULL);

  ppool_answers_unref (self->answers);
  g_hash_table_unref (self->cancelled);
  g_free (self);
}

PPoolAnswers *
ppool_serve_get_answers (PPoolServe *self)
{
  return self->answers;
}

/* Ends the conversation. What waits unserved has no caller left, or came after
 * the pool said that nothing would. */
void
ppool_serve_close (PPoolServe *self)
{
  g_queue_clear_full (&self->batches, ppool_batch_free);

  self->wire = NULL;
  self->lane = NULL;
  ppool_answers_close (self->answers);
}

static gboolean
set_nonsense (GError     **error,
              const char  *what)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "The pool sent something invalid: %s",
               what);
  return FALSE;
}

/* Receiving */

/* Takes @bytes, whose frame begins at @offset. */
static void
receive_frame (PPoolServe *self,
               GBytes     *bytes,
               gsize       offset)
{
  PPoolBatch *batch = ppool_batch_new ();

  batch->frame = bytes;
  ppool_frame_reader_init (&batch->reader, bytes);
  batch->reader.offset = offset;
  g_queue_push_tail (&self->batches, batch);
}

static gboolean
receive_calls (PPoolServe    *self,
               GDBusMessage  *message,
               GError       **error)
{
  g_autoptr (GVariant) frame = NULL;

  if (ppool_protocol_is_swapped (message))
    return set_nonsense (error, "a frame arrived in another byte order");

  frame = g_variant_get_child_value (g_dbus_message_get_body (message), 1);
  receive_frame (self, g_variant_get_data_as_bytes (frame), 0);

  return TRUE;
}

static void
receive_call (PPoolServe        *self,
              GDBusMessage      *message,
              const PPoolCallId *call_id)
{
  PPoolBatch *batch = ppool_batch_new ();
  g_autoptr (GVariant) options = NULL;

  batch->call_id = *call_id;
  batch->packed = self->as_bytes;
  batch->swapped = ppool_protocol_is_swapped (message);
  g_variant_get (g_dbus_message_get_body (message), "(tsv@a{sv})", &batch->call_id.id,
                 &batch->function, &batch->args, &options);
  ppool_protocol_read_options (options, &batch->options);
  g_queue_push_tail (&self->batches, batch);
}

static gboolean
has_call (PPoolServe *self,
          guint64     id)
{
  for (GList *link = self->batches.head; link != NULL; link = link->next)
    if (ppool_batch_has_call (link->data, id))
      return TRUE;

  return FALSE;
}

/* Of a call that is over, or never was, there is nothing to be known. */
static void
cancel_call (PPoolServe *self,
             guint64     id)
{
  if (!self->given.initializes && id == self->given.id)
    self->is_cancelled = TRUE;
  else if (has_call (self, id))
    g_hash_table_add (self->cancelled, g_memdup2 (&id, sizeof id));
}

static void
receive_cancel (PPoolServe        *self,
                GDBusMessage      *message,
                const PPoolCallId *call_id)
{
  guint64 id;

  g_variant_get (g_dbus_message_get_body (message), "(t)", &id);
  cancel_call (self, id);

  if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    ppool_answers_return_nothing (self->answers, call_id);
}

/* (nullable): where the descriptor is that an option names by its index. */
static int *
find_descriptor (GVariant   *options,
                 const char *name,
                 int        *fds,
                 guint       n_fds)
{
  gint32 handle;

  return g_variant_lookup (options, name, "h", &handle) && handle >= 0 && (guint) handle < n_fds ?
           &fds[handle] : NULL;
}

/* A lane that is no socket is none: the pool is told so by our features. */
static void
adopt_lane (PPoolServe *self,
            int        *fd)
{
  struct stat status;

  if (self->lane != NULL || fd == NULL || fstat (*fd, &status) != 0 || !S_ISSOCK (status.st_mode))
    return;

  self->lane = ppool_link_new (*fd, &ppool_link_lane, ppool_wire_end_without_channel);
  *fd = -1;
  ppool_answers_take_lane (self->answers, self->lane);
}

/* A board that can't be used is none: the pool is told so by our features. */
static void
adopt_board (PPoolServe *self,
             const int  *fd)
{
  g_autoptr (GError) error = NULL;

  if (self->board != NULL || fd == NULL)
    return;

  self->board = ppool_board_new_from_fd (*fd, &error);
  if (self->board == NULL)
    g_debug ("No board: %s", error->message);
  else
    ppool_answers_take_board (self->answers, self->board);
}

static void
receive_initialize (PPoolServe   *self,
                    GDBusMessage *message,
                    PPoolCallId  *call_id,
                    int          *fds,
                    guint         n_fds)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  g_autoptr (GError) error = NULL;
  PPoolBatch *batch;

  self->as_bytes = ppool_protocol_has_feature (options, PPOOL_FEATURE_GVARIANT);
  self->has_frames =
    self->as_bytes && ppool_protocol_has_feature (options, PPOOL_FEATURE_FRAMES);
  self->has_cancel = ppool_protocol_has_feature (options, PPOOL_FEATURE_CANCEL);
  self->has_options = ppool_protocol_has_feature (options, PPOOL_FEATURE_CALL_OPTIONS);
  if (ppool_protocol_has_feature (options, PPOOL_FEATURE_BOARD))
    adopt_board (self, find_descriptor (options, "board", fds, n_fds));
  if (self->has_frames && ppool_wire_passes_fds (self->wire) &&
      ppool_protocol_has_feature (options, PPOOL_FEATURE_SEGMENTS))
    self->loans = ppool_answers_begin_lending (self->answers);
  if (self->has_frames && ppool_protocol_has_feature (options, PPOOL_FEATURE_LANE))
    adopt_lane (self, find_descriptor (options, "lane", fds, n_fds));
  ppool_answers_set_features (self->answers, self->as_bytes, self->has_frames);

  call_id->initializes = TRUE;
  batch = ppool_batch_new ();
  batch->call_id = *call_id;
  batch->swapped = ppool_protocol_is_swapped (message);
  if (!ppool_batch_read_initializer (batch, options, self->loans != NULL, fds, n_fds, &error))
    {
      ppool_batch_free (batch);
      ppool_answers_return_failure (self->answers, call_id, PPOOL_ERROR_INVALID_ARGS,
                                    error->message);
    }
  else if (batch->function == NULL)
    {
      ppool_batch_free (batch);
      ppool_answers_return_info (self->answers, call_id);
    }
  else
    g_queue_push_tail (&self->batches, batch);
}

static void
receive_exit (PPoolServe        *self,
              GDBusMessage      *message,
              const PPoolCallId *call_id)
{
  if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    ppool_answers_return_nothing (self->answers, call_id);

  self->leaving = TRUE;
}

/* @fd is -1 if it got lost. */
static void
register_segment (PPoolServe *self,
                  guint32     number,
                  guint64     size,
                  int         fd)
{
  g_autoptr (GError) error = NULL;

  if (fd < 0)
    ppool_borrower_register_lost (self->loans->borrower, number, &error);
  else
    ppool_borrower_register (self->loans->borrower, number, size, fd, &error);
  if (error != NULL)
    g_debug ("What the pool lends can't be read: %s", error->message);
}

static void
receive_segment (PPoolServe   *self,
                 GDBusMessage *message,
                 const int    *fds,
                 guint         n_fds)
{
  guint32 number;
  guint64 size;
  gint32 handle;

  g_variant_get (g_dbus_message_get_body (message), "(uth)", &number, &size, &handle);
  if (handle >= 0 && (guint) handle < n_fds)
    register_segment (self, number, size, fds[handle]);
}

/* What needs a descriptor for longer takes it out of @fds and leaves -1. */
static gboolean
receive_request (PPoolServe    *self,
                 GDBusMessage  *message,
                 int           *fds,
                 guint          n_fds,
                 GError       **error)
{
  const char *member = g_dbus_message_get_member (message);
  PPoolCallId call_id = { .serial = g_dbus_message_get_serial (message) };

  if (g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return TRUE;

  if (self->has_frames && g_str_equal (member, "Calls") &&
      ppool_protocol_has_body (message, "(uay)"))
    return receive_calls (self, message, error);

  if (self->loans != NULL && g_str_equal (member, "Segment") &&
      ppool_protocol_has_body (message, "(uth)"))
    receive_segment (self, message, fds, n_fds);
  else if (g_str_equal (member, "Call") && ppool_protocol_has_body (message, "(tsva{sv})"))
    receive_call (self, message, &call_id);
  else if (g_str_equal (member, "Initialize") && ppool_protocol_has_body (message, "(a{sv})"))
    receive_initialize (self, message, &call_id, fds, n_fds);
  else if (self->has_cancel && g_str_equal (member, "Cancel") &&
           ppool_protocol_has_body (message, "(t)"))
    receive_cancel (self, message, &call_id);
  else if (g_str_equal (member, "Exit"))
    receive_exit (self, message, &call_id);
  else if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    ppool_answers_refuse (self->answers, &call_id);

  return TRUE;
}

/* Any message but those that there are many of. */
static gboolean
receive_message (PPoolServe              *self,
                 const PPoolPacket  *bytes,
                 GError                 **error)
{
  g_autoptr (GDBusMessage) message = NULL;
  g_autoptr (GError) local_error = NULL;
  int fds[PPOOL_LINK_MAX_FDS];
  gboolean success = FALSE;
  guint n_fds;

  message = g_dbus_message_new_from_blob (bytes->data, bytes->size,
                                          G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, &local_error);
  if (message == NULL)
    return set_nonsense (error, local_error->message);

  n_fds = g_dbus_message_get_num_unix_fds (message);
  if (!ppool_link_take_fds (ppool_wire_get_link (self->wire), fds, n_fds, &local_error))
    return set_nonsense (error, local_error->message);
  /* Calls can do without a segment, and nothing else without its descriptors. */
  if (n_fds > 0 && fds[0] < 0 && g_strcmp0 (g_dbus_message_get_member (message), "Segment") != 0)
    return set_nonsense (error, "all file descriptors of this process are in use, so that those of "
                                "a message were lost");

  success = receive_request (self, message, fds, n_fds, error);
  for (guint i = 0; i < n_fds; i++)
    if (fds[i] >= 0)
      close (fds[i]);

  return success;
}

static gboolean
receive_bytes (PPoolServe        *self,
               PPoolPacket  *message,
               GError           **error)
{
  gboolean success = TRUE;
  gsize offset;

  if (self->has_frames && ppool_wire_find_frame (message, "Calls", &offset))
    {
      receive_frame (self, g_bytes_new_take (message->data, message->size), offset);
      return TRUE;
    }

  success = receive_message (self, message, error);
  g_free (message->data);

  return success;
}

/* Takes in what was read. */
static gboolean
receive_messages (PPoolServe  *self,
                  GError     **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolPacket message;

  while (ppool_link_next (ppool_wire_get_link (self->wire), &message, &local_error))
    if (!receive_bytes (self, &message, error))
      return FALSE;

  return local_error == NULL || set_nonsense (error, local_error->message);
}

/* Waits until the pool knows who this is, with no bound. */
gboolean
ppool_serve_connect (PPoolServe  *self,
                     GError     **error)
{
  return ppool_wire_authenticate (self->wire, error) && receive_messages (self, error);
}

/* Reads once, without waiting, and serves all requests but calls; @more says
 * that there may be more to be read. Returns: FALSE if the pool is gone, or with
 * @error set if it can't be understood. */
gboolean
ppool_serve_receive (PPoolServe  *self,
                     gboolean    *more,
                     GError     **error)
{
  g_autoptr (GError) local_error = NULL;

  if (ppool_link_read (ppool_wire_get_link (self->wire), FALSE, more, &local_error))
    return receive_messages (self, error);

  return local_error != NULL && set_nonsense (error, local_error->message);
}

/* The second socket, or -1. */
int
ppool_serve_get_lane_fd (PPoolServe *self)
{
  return self->lane != NULL ? ppool_link_get_fd (self->lane) : -1;
}

/* A segment that the pool lends; calls can do without it. */
static gboolean
receive_segment_item (PPoolServe       *self,
                      const PPoolItem  *item,
                      GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  int fd;

  if (!ppool_link_take_fds (self->lane, &fd, 1, &local_error))
    return set_nonsense (error, local_error->message);

  register_segment (self, PPOOL_ITEM_NUMBER (item->id), ppool_item_get_segment_size (item), fd);
  if (fd >= 0)
    close (fd);

  return TRUE;
}

/* What is to be known before the calls that wait are given out comes alone. Takes @packet. */
static gboolean
receive_packet (PPoolServe   *self,
                PPoolPacket  *packet,
                GError      **error)
{
  GBytes *bytes = g_bytes_new_take (packet->data, packet->size);
  PPoolFrameReader reader = { bytes, PPOOL_LINK_LANE_PREFIX_SIZE };
  gboolean success = TRUE;
  PPoolItem item = { 0 };

  /* What is no item is found when it is due. */
  ppool_frame_reader_next (&reader, &item, NULL);
  if (item.kind < PPOOL_ITEM_SEGMENT)
    {
      receive_frame (self, bytes, PPOOL_LINK_LANE_PREFIX_SIZE);
      return TRUE;
    }

  if (reader.offset < g_bytes_get_size (bytes))
    success = set_nonsense (error, "received a frame with an item that is not alone in its packet");
  else if (item.kind == PPOOL_ITEM_SEGMENT && self->loans != NULL)
    success = receive_segment_item (self, &item, error);
  else if (item.kind == PPOOL_ITEM_CANCEL)
    cancel_call (self, item.id);
  else if (item.kind == PPOOL_ITEM_EXIT)
    self->leaving = TRUE;
  g_bytes_unref (bytes);

  return success;
}

/* Reads the lane once, as ppool_serve_receive() does the channel. */
gboolean
ppool_serve_receive_lane (PPoolServe  *self,
                          gboolean    *more,
                          GError     **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolPacket packet;

  if (!ppool_link_read (self->lane, FALSE, more, &local_error))
    return local_error != NULL && set_nonsense (error, local_error->message);

  while (ppool_link_next (self->lane, &packet, &local_error))
    if (!receive_packet (self, &packet, error))
      return FALSE;

  return local_error == NULL || set_nonsense (error, local_error->message);
}

/* Giving out */

static PPoolBatch *
peek_batch (PPoolServe *self)
{
  PPoolBatch *batch;

  while ((batch = g_queue_peek_head (&self->batches)) != NULL && ppool_batch_is_exhausted (batch))
    ppool_batch_free (g_queue_pop_head (&self->batches));

  return batch;
}

/* Whether there are calls that were not given out. */
gboolean
ppool_serve_has_calls (PPoolServe *self)
{
  return peek_batch (self) != NULL;
}

/* Whether the pool wants this worker to leave when it has no call left. */
gboolean
ppool_serve_is_leaving (PPoolServe *self)
{
  return self->leaving;
}

/* Returns: FALSE if the item is no note. */
static gboolean
receive_note (PPoolServe      *self,
              const PPoolItem *item)
{
  if (self->loans == NULL || !ppool_item_is_note (item->kind))
    return FALSE;

  ppool_loans_receive_note (self->loans, item, NULL);
  if (self->trim_due < 0)
    self->trim_due = g_get_monotonic_time () + PPOOL_SEGMENT_IDLE_USEC;

  return TRUE;
}

/* What a call has that comes next, and with it. */
static gboolean
read_options (PPoolServe  *self,
              PPoolBatch  *batch,
              GError     **error)
{
  g_autoptr (GVariant) options = NULL;
  guint64 id = batch->item.id;

  options = ppool_frame_reader_load (&batch->reader, &batch->item, NULL, error);
  if (options == NULL)
    return FALSE;

  if (!g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT) ||
      !ppool_frame_reader_next (&batch->reader, &batch->item, NULL) ||
      batch->item.kind != PPOOL_ITEM_CALL || batch->item.id != id)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "received a frame with options without a call");
      return FALSE;
    }

  ppool_protocol_read_options_again (&self->last_options, options, &batch->options);

  return TRUE;
}

/* Reads the next item with what goes with it, and does what a note asks for. */
static gboolean
read_item (PPoolServe  *self,
           PPoolBatch  *batch,
           GError     **error)
{
  g_autoptr (GError) local_error = NULL;

  batch->options = PPOOL_CALL_OPTIONS_NONE;
  if (!ppool_frame_reader_next (&batch->reader, &batch->item, &local_error) ||
      (self->has_options && batch->item.kind == PPOOL_ITEM_OPTIONS &&
       !read_options (self, batch, &local_error)))
    return set_nonsense (error, local_error->message);
  if (batch->item.kind != PPOOL_ITEM_CALL && !receive_note (self, &batch->item))
    return set_nonsense (error, "received a frame with an item that is not a call");

  return TRUE;
}

static void
give_out (PPoolServe              *self,
          const PPoolCallId       *call_id,
          const PPoolCallOptions  *options)
{
  self->given = *call_id;
  self->options = *options;
  self->is_cancelled = !call_id->initializes && g_hash_table_size (self->cancelled) > 0 &&
                       g_hash_table_remove (self->cancelled, &call_id->id);
}

/* Gives out the next call; @function lives until its arguments are loaded or the
 * next call is asked for. Returns: FALSE if there is none, or with @error set if
 * there is something else. */
gboolean
ppool_serve_next (PPoolServe   *self,
                  PPoolCallId  *call_id,
                  const char  **function,
                  GError      **error)
{
  PPoolBatch *batch;

  while ((batch = peek_batch (self)) != NULL)
    {
      gboolean is_call = TRUE;

      if (batch->frame == NULL)
        {
          batch->is_begun = TRUE;
          *call_id = batch->call_id;
          *function = batch->function;
        }
      else if (read_item (self, batch, error))
        {
          is_call = batch->item.kind == PPOOL_ITEM_CALL;
          *call_id = (PPoolCallId) { .id = batch->item.id };
          *function = batch->item.name;
        }
      else
        return FALSE;

      if (is_call)
        {
          give_out (self, call_id, &batch->options);
          return TRUE;
        }
    }

  return FALSE;
}

/* What went with the call that was given out last. */
const PPoolCallOptions *
ppool_serve_get_options (PPoolServe *self)
{
  return &self->options;
}

/* Whether the pool may cancel calls. */
gboolean
ppool_serve_has_cancel (PPoolServe *self)
{
  return self->has_cancel;
}

/* Whether the pool has cancelled the call that was given out last; says so once each time. */
gboolean
ppool_serve_take_cancelled (PPoolServe *self,
                            guint64    *id)
{
  gboolean is_cancelled = self->is_cancelled;

  *id = self->given.id;
  self->is_cancelled = FALSE;

  return is_cancelled;
}

/* (nullable) */
static PPoolBorrower *
get_borrower (PPoolServe *self)
{
  return self->loans != NULL ? self->loans->borrower : NULL;
}

/* Whether the call that was given out last is still the worker's to run. To be asked
 * just before. */
gboolean
ppool_serve_take (PPoolServe        *self,
                  const PPoolCallId *call_id,
                  gint64             now)
{
  const PPoolBatch *batch;

  if (self->board == NULL || call_id->initializes ||
      ppool_board_take (self->board, call_id->id, now))
    return TRUE;

  batch = g_queue_peek_head (&self->batches);
  if (batch->frame != NULL)
    ppool_frame_reader_skip (&batch->item, get_borrower (self), NULL);

  return FALSE;
}

static GVariant *
load_args (PPoolServe  *self,
           PPoolBatch  *batch,
           GError     **error)
{
  if (batch->frame != NULL)
    return ppool_frame_reader_load (&batch->reader, &batch->item, get_borrower (self), error);
  if (batch->packed)
    return ppool_value_unpack (batch->args, batch->swapped, error);

  return g_steal_pointer (&batch->args);
}

/* Makes the arguments of the call that was given out last, and releases what
 * they came in. Returns: (nullable) (transfer full): NULL if they are none, which
 * is answered then */
GVariant *
ppool_serve_load (PPoolServe *self)
{
  PPoolBatch *batch = g_queue_peek_head (&self->batches);
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GError) error = NULL;
  PPoolCallId call_id = batch->call_id;

  if (batch->frame != NULL)
    call_id.id = batch->item.id;
  ppool_answers_set_lent (self->answers, batch->frame != NULL && batch->item.is_lent);

  args = load_args (self, batch, &error);
  peek_batch (self);
  if (args == NULL)
    ppool_answers_return_failure (self->answers, &call_id, ppool_answers_code_of (error),
                                  error->message);

  return g_steal_pointer (&args);
}

/* Has segments forgotten that have been idle for too long, if it is time to. Returns:
 * when to look again, or -1. */
gint64
ppool_serve_tidy (PPoolServe *self,
                  gint64      now)
{
  if (self->trim_due >= 0 && now >= self->trim_due)
    self->trim_due = ppool_answers_trim (self->answers, now);

  return self->trim_due;
}
