/* borrower-test.c: what a hostile peer lends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-borrower-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fewer.h"
#include "lending.h"
#include "ppool-error.h"

#define SIZE (64 * KIB)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Memory of the other side, which keeps on writing there. */
typedef struct
{
  Lending lending;
  guint8 *data;
  int fd;
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  lending_set_up (&fixture->lending, NULL);
  fixture->fd = memfd_create ("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  g_assert_cmpint (posix_fallocate (fixture->fd, 0, SIZE), ==, 0);
  g_assert_cmpint (fcntl (fixture->fd, F_ADD_SEALS, SEALS), ==, 0);
  fixture->data = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->fd, 0);
  g_assert_true (fixture->data != MAP_FAILED);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data)
{
  munmap (fixture->data, SIZE);
  close (fixture->fd);
  lending_tear_down (&fixture->lending, NULL);
}

static void
announce (Fixture *fixture,
          guint32  number)
{
  GError *error = NULL;

  ppool_borrower_register (fixture->lending.borrower, number, SIZE, fixture->fd, &error);
  g_assert_no_error (error);
}

static GVariant *
load (Fixture    *fixture,
      guint32     generation,
      guint64     offset,
      guint64     length,
      const char *type)
{
  const PPoolLoan loan = { 7, generation, offset, length };
  GError *error = NULL;
  GVariant *value = ppool_borrower_load (fixture->lending.borrower, &loan, type, &error);

  g_assert_no_error (error);
  return value;
}

static void
assert_fails (Fixture    *fixture,
              guint32     number,
              guint64     offset,
              guint64     length,
              const char *type,
              int         code)
{
  static guint32 generation = 100;
  const PPoolLoan loan = { number, generation++, offset, length };
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_borrower_load (fixture->lending.borrower, &loan, type, &error));
  g_assert_error (error, PPOOL_ERROR, code);
}

static void
assert_refused (Fixture    *fixture,
                guint32     number,
                guint64     offset,
                guint64     length,
                const char *type)
{
  assert_fails (fixture, number, offset, length, type, PPOOL_ERROR_PROTOCOL);
}

/* Bytes at the right place that are no value are the sender's mistake alone. */
static void
assert_no_value (Fixture    *fixture,
                 guint64     length,
                 const char *type)
{
  assert_fails (fixture, 7, 0, length, type, PPOOL_ERROR_INVALID_ARGS);
}

static void
test_nonsense (Fixture       *fixture,
               gconstpointer  user_data)
{
  static const char * const types[] = {
    "", "a", "(", "ay)", "yy", "a*", "*", "r", "a?", "\xff", "()()", "{vs}", "@ay", "m",
  };

  assert_refused (fixture, 7, 0, 8, "ay");
  announce (fixture, 7);
  g_variant_unref (load (fixture, 1, 0, 8, "ay"));
  assert_refused (fixture, 8, 0, 8, "ay");
  assert_refused (fixture, 0, 0, 8, "ay");
  assert_refused (fixture, G_MAXUINT32, 0, 8, "ay");

  assert_refused (fixture, 7, 0, SIZE + 1, "ay");
  assert_refused (fixture, 7, 8, SIZE, "ay");
  assert_refused (fixture, 7, SIZE, 8, "ay");
  assert_refused (fixture, 7, SIZE + 8, 0, "ay");
  assert_refused (fixture, 7, 8, G_MAXUINT64 - 7, "ay");
  assert_refused (fixture, 7, G_MAXUINT64 - 7, 8, "ay");
  assert_refused (fixture, 7, (guint64) 1 << 63, (guint64) 1 << 63, "ay");
  assert_refused (fixture, 7, 1, 8, "ay");
  assert_refused (fixture, 7, 4, 8, "ai");
  assert_no_value (fixture, 7, "ai");
  assert_no_value (fixture, 8, "a(xx)");

  memset (fixture->data, 0xff, SIZE);
  assert_no_value (fixture, 100, "s");
  assert_no_value (fixture, 0, "s");
  assert_no_value (fixture, 100, "as");
  assert_no_value (fixture, 100, "v");
  assert_no_value (fixture, 100, "ab");
  assert_no_value (fixture, 96, "a(yi)");
  assert_no_value (fixture, 1, "i");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    assert_refused (fixture, 7, 0, 8, types[i]);

  /* The whole, and nothing of it. */
  g_variant_unref (load (fixture, G_MAXUINT32 - 2, 0, SIZE, "ay"));
  g_variant_unref (load (fixture, G_MAXUINT32 - 1, SIZE, 0, "ay"));
  g_variant_unref (load (fixture, G_MAXUINT32, SIZE - 8, 8, "ax"));
}

/* A loan has a later generation than those before it. */
static void
test_generations (Fixture       *fixture,
                  gconstpointer  user_data)
{
  const PPoolLoan loans[] = { { 7, 5, 0, 8 }, { 7, 4, 0, 8 }, { 7, 1, 0, 8 }, { 7, 0, 0, 8 } };
  g_autoptr (GVariant) held = NULL;

  announce (fixture, 7);
  held = load (fixture, 5, 0, 8, "ay");
  for (guint i = 0; i < G_N_ELEMENTS (loans); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ppool_borrower_load (fixture->lending.borrower, &loans[i], "ay", &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
    }
  g_variant_unref (load (fixture, 6, 0, 8, "ay"));
}

/* No value that can be harmed by it is read where its writer can change it. */
static void
test_invalid (Fixture       *fixture,
              gconstpointer  user_data)
{
  static const char * const texts[] = { "('hello', uint32 7)", "'text'", "['a', 'b']", "<('v', 1)>",
                                        "[true, false]", "[(byte 1, 2)]", "@may b'bytes'" };
  static const char * const numbers[] = { "[1, 2, 3]", "b'bytes'", "[(1.5, 2.5)]" };

  announce (fixture, 7);
  for (guint i = 0; i < G_N_ELEMENTS (texts) + G_N_ELEMENTS (numbers); i++)
    {
      gboolean copied = i < G_N_ELEMENTS (texts);
      const char *text = copied ? texts[i] : numbers[i - G_N_ELEMENTS (texts)];
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (text));
      g_autoptr (GVariant) arrived = NULL;

      g_test_message ("%s", text);
      g_assert_cmpuint (g_variant_get_size (value), <, 1000);
      g_variant_store (value, fixture->data + 16);
      arrived = load (fixture, i + 1, 16, g_variant_get_size (value),
                      g_variant_get_type_string (value));
      g_assert_cmpvariant (arrived, value);
      memset (fixture->data, 'x', SIZE);
      if (copied)
        g_assert_cmpvariant (arrived, value);
      else
        g_assert_false (g_variant_equal (arrived, value));
      g_assert_true (g_variant_is_normal_form (arrived));
    }
}

typedef struct
{
  guint8 *data;
  int end; /* atomic */
} Scribbler;

static gpointer
scribble (gpointer data)
{
  Scribbler *scribbler = data;

  while (!g_atomic_int_get (&scribbler->end))
    {
      __atomic_store_n (&scribbler->data[5], 'x', __ATOMIC_RELAXED);
      __atomic_store_n (&scribbler->data[5], '\0', __ATOMIC_RELAXED);
    }

  return NULL;
}

/* Its writer is at it during the check: the value is what it was checked to be. */
static void
test_raced (Fixture       *fixture,
            gconstpointer  user_data)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("('hello', uint32 7)"));
  Scribbler scribbler = { fixture->data, FALSE };
  guint n = fewer (20000);
  guint n_good = 0;
  GThread *thread;

  announce (fixture, 7);
  g_assert_cmpuint (g_variant_get_size (value), <, 1000);
  g_variant_store (value, fixture->data);
  thread = g_thread_new ("scribbler", scribble, &scribbler);
  for (guint i = 1; i < n; i++)
    {
      const PPoolLoan loan = { 7, i, 0, g_variant_get_size (value) };
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) arrived =
        ppool_borrower_load (fixture->lending.borrower, &loan, "(su)", &error);
      const char *text;

      if (arrived == NULL)
        {
          g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
          continue;
        }
      g_variant_get (arrived, "(&su)", &text, NULL);
      g_assert_cmpuint (strlen (text), ==, 5);
      n_good++;
    }
  g_atomic_int_set (&scribbler.end, TRUE);
  g_thread_join (thread);
  g_test_message ("%u of %u arrived whole", n_good, n);
}

static void
test_announced_twice (Fixture       *fixture,
                      gconstpointer  user_data)
{
  PPoolBorrower *borrower = fixture->lending.borrower;
  g_autoptr (GVariant) held = NULL;
  GError *error = NULL;

  announce (fixture, 7);
  g_assert_false (ppool_borrower_register (borrower, 7, SIZE, fixture->fd, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  g_clear_error (&error);
  g_assert_false (ppool_borrower_register (borrower, 8, SIZE + 1, fixture->fd, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  g_clear_error (&error);
  g_assert_false (ppool_borrower_register (borrower, 8, SIZE, -1, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  g_clear_error (&error);

  /* Forgotten, it is there as long as a value is. */
  memset (fixture->data, 'x', SIZE);
  held = load (fixture, 1, 0, SIZE, "ay");
  g_assert_true (ppool_borrower_forget (borrower, 7, &error));
  g_assert_no_error (error);
  g_assert_false (ppool_borrower_forget (borrower, 7, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  g_clear_error (&error);
  assert_refused (fixture, 7, 0, 8, "ay");
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (held))[SIZE - 1], ==, 'x');
  announce (fixture, 7);
}

static guint
count_mapped (void)
{
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &text, NULL, NULL));
  for (const char *p = text; (p = strstr (p, "memfd:hostile")) != NULL; p++)
    n++;

  return n;
}

/* A peer can't make us map without end. */
static void
test_flood (Fixture       *fixture,
            gconstpointer  user_data)
{
  guint n = fewer (100000);
  guint n_taken = 0;
  guint n_mapped;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;

      if (ppool_borrower_register (fixture->lending.borrower, i, SIZE, fixture->fd, &error))
        n_taken++;
      else
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
    }

  n_mapped = count_mapped ();
  g_test_message ("%u segments were taken", n_taken);
  g_assert_cmpuint (n_taken, >=, 256 + PPOOL_SEGMENT_MAX_KEPT);
  g_assert_cmpuint (n_taken, <=, 1000);
  g_assert_cmpuint (n_mapped, <=, n_taken + 1);
  ppool_borrower_close (fixture->lending.borrower);
  g_assert_cmpuint (count_mapped (), ==, 1);
}

/* A forked copy of the process reads, but gives nothing back: the connection is its
 * parent's. */
static void
test_forked (Fixture       *fixture,
             gconstpointer  user_data)
{
  GVariant *value;
  int status;
  pid_t pid;

  announce (fixture, 7);
  memset (fixture->data, 'x', SIZE);
  value = load (fixture, 1, 0, SIZE, "ay");

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      gboolean right = ((const guint8 *) g_variant_get_data (value))[0] == 'x';

      g_variant_unref (value);
      _exit (right && fixture->lending.n_woken == 0 ? 0 : 1);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  g_assert_cmpint (fixture->lending.n_woken, ==, 0);
  g_variant_unref (value);
  g_assert_cmpint (fixture->lending.n_woken, ==, 1);
}

/* Who gives back is woken once, until everything is fetched. */
static void
test_woken (Fixture       *fixture,
            gconstpointer  user_data)
{
  guint32 number, generation;
  guint64 seen = 0;

  announce (fixture, 7);
  for (guint32 i = 1; i <= 60; i++)
    g_variant_unref (load (fixture, i, 0, 64, "ay"));
  g_assert_cmpint (fixture->lending.n_woken, ==, 1);
  while (ppool_borrower_give_back (fixture->lending.borrower, &number, &generation))
    {
      g_assert_cmpuint (number, ==, 7);
      g_assert_cmpuint (seen & (guint64) 1 << generation, ==, 0);
      seen |= (guint64) 1 << generation;
    }
  g_assert_cmpuint (seen, ==, ((guint64) 1 << 61) - 2);
  g_variant_unref (load (fixture, 61, 0, 64, "ay"));
  g_assert_cmpint (fixture->lending.n_woken, ==, 2);
}

static void
add (const char  *path,
     void (*func) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, func, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add ("/borrower/nonsense", test_nonsense);
  add ("/borrower/generations", test_generations);
  add ("/borrower/invalid", test_invalid);
  add ("/borrower/raced", test_raced);
  add ("/borrower/announced-twice", test_announced_twice);
  add ("/borrower/flood", test_flood);
  add ("/borrower/forked", test_forked);
  add ("/borrower/woken", test_woken);

  return g_test_run ();
}
