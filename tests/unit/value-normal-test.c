/* value-normal-test.c: the normal form of values, with GLib as the judge
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-value-private.h"

/* Of random values. */
static guint32
get_n_seeds (void)
{
  return g_test_slow () ? 400000 : 4000;
}

static GBytes *
make_bytes (GByteArray *array)
{
  return g_bytes_new (array->data, array->len);
}

/* Both have the same bytes, in memory that ends with them. Returns: what GLib says */
static gboolean
compare (const char *type,
         GBytes     *bytes)
{
  g_autoptr (GVariant) value = NULL;
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  gboolean normal;

  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, FALSE));
  normal = g_variant_is_normal_form (value);
  if (ppool_value_check_bytes (G_VARIANT_TYPE (type), data, size) != normal)
    {
      g_autofree char *shown = g_base64_encode (data, size);

      g_error ("“%s” of %" G_GSIZE_FORMAT " bytes is%s in normal form: %s", type, size,
               normal ? "" : " not", shown);
    }

  return normal;
}

static const char * const short_types[] = {
  "b", "y", "q", "(yq)", "(qy)", "()", "s", "o", "g", "v",
  "ab", "ay", "aq", "a()", "a(yq)", "as", "av", "aas", "aay", "aab", "amy", "a{yy}", "a{ys}",
  "my", "mb", "ms", "m()", "mas", "mms", "mmy", "mv",
  "(s)", "(ss)", "(as)", "(asas)", "(asy)", "(yas)", "(ysy)", "(msms)", "(aqs)", "(aqaq)", "(aqq)",
  "((s)s)", "((yy)s)", "(sb)", "{ys}", "{sy}", "(mqs)", "a(ysq)",
};

/* Each run of bytes up to this length, of those that mean something somewhere. */
static void
test_short (void)
{
  static const guint8 bytes[] = { 0, 1, 2, 3, 4, 's', '/', 'y', 0xc3, 0xa4 };
  const guint longest = 4;

  for (guint i = 0; i < G_N_ELEMENTS (short_types); i++)
    for (guint length = 0, n = 1; length <= longest; length++, n *= G_N_ELEMENTS (bytes))
      for (guint j = 0; j < n; j++)
        {
          guint8 data[8];
          g_autoptr (GBytes) taken = NULL;

          for (guint k = 0, rest = j; k < length; k++, rest /= G_N_ELEMENTS (bytes))
            data[k] = bytes[rest % G_N_ELEMENTS (bytes)];
          taken = g_bytes_new (data, length);
          compare (short_types[i], taken);
        }
}

/* A value in as many variants as that. */
static GBytes *
make_deep (const char *type,
           gsize       size,
           guint       n_variants)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  for (gsize i = 0; i < size; i++)
    g_byte_array_append (data, (const guint8 *) "", 1);
  for (guint i = 0; i < n_variants; i++)
    {
      const char *inner = i == 0 ? type : "v";

      g_byte_array_append (data, (const guint8 *) "", 1);
      g_byte_array_append (data, (const guint8 *) inner, (guint) strlen (inner));
    }

  return make_bytes (data);
}

/* GLib reads no further than 128 levels, and counts them in its own way. */
static void
test_depth (void)
{
  static const char * const ends[] = { "y", "(yy)", "()", "s", "ay", "a{sy}", "a{s()}", "as" };
  static const guint n_arrays[] = { 0, 1, 2, 3, 60, 124, 125, 126, 127, 128 };
  guint n_normal = 0;
  guint n_others = 0;

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (n_arrays); j++)
      for (guint n_variants = 1; n_variants < 132; n_variants++)
        for (gsize size = 0; size < 3; size++)
          {
            g_autofree char *arrays = g_strnfill (n_arrays[j], 'a');
            g_autofree char *type = g_strconcat (arrays, ends[i], NULL);
            g_autoptr (GBytes) bytes = make_deep (type, size, n_variants);

            if (compare ("v", bytes))
              n_normal++;
            else
              n_others++;
          }

  g_assert_cmpuint (n_normal, >, 100);
  g_assert_cmpuint (n_others, >, 100);
}

static const char *
pick (GRand              *random,
      const char * const *strings,
      guint               n)
{
  return strings[g_rand_int_range (random, 0, (gint32) n)];
}

#define PICK(random, strings) pick (random, strings, G_N_ELEMENTS (strings))

static void
add_type (GRand   *random,
          GString *type,
          guint    depth)
{
  static const char * const basic[] = {
    "b", "y", "n", "q", "i", "u", "x", "t", "h", "d", "s", "s", "o", "g", "y", "b",
  };
  gint32 kind = g_rand_int_range (random, 0, depth < 5 ? 12 : 6);

  switch (kind)
    {
    case 6:
      g_string_append_c (type, 'v');
      break;
    case 7:
    case 8:
      g_string_append_c (type, 'a');
      add_type (random, type, depth + 1);
      break;
    case 9:
      g_string_append_c (type, 'm');
      add_type (random, type, depth + 1);
      break;
    case 10:
      g_string_append_c (type, '(');
      for (gint32 n = g_rand_int_range (random, 0, 5); n > 0; n--)
        add_type (random, type, depth + 1);
      g_string_append_c (type, ')');
      break;
    case 11:
      g_string_append (type, "{");
      g_string_append (type, PICK (random, basic));
      add_type (random, type, depth + 1);
      g_string_append_c (type, '}');
      break;
    default:
      g_string_append (type, PICK (random, basic));
      break;
    }
}

static char *
random_type (GRand *random,
             guint  depth)
{
  GString *type = g_string_new (NULL);

  add_type (random, type, depth);

  return g_string_free (type, FALSE);
}

static GVariant *random_value (GRand              *random,
                               const GVariantType *type,
                               guint               depth);

static GVariant *
random_basic (GRand              *random,
              const GVariantType *type)
{
  static const char * const texts[] = {
    "", "a", "grün", "日本語", "seven b", "8 bytes!", "sixteen bytes ok", "and a longer one: ä",
  };
  static const char * const paths[] = { "/", "/org", "/org/ppool/A_1" };
  static const char * const signatures[] = { "", "s", "a{sv}", "(ii)ay" };
  guint32 number = g_rand_int (random);
  guint8 bytes[8];

  memcpy (bytes, &number, sizeof number);
  memcpy (bytes + 4, &number, sizeof number);

  switch (g_variant_type_peek_string (type)[0])
    {
    case 's':
      return g_variant_new_string (PICK (random, texts));
    case 'o':
      return g_variant_new_object_path (PICK (random, paths));
    case 'g':
      return g_variant_new_signature (PICK (random, signatures));
    case 'b':
      return g_variant_new_boolean (number % 2 == 0);
    case 'y':
      return g_variant_new_byte (bytes[0]);
    default:
      {
        g_autoptr (GVariant) sample = g_variant_ref_sink (
          g_variant_new_from_data (type, bytes, sizeof bytes, FALSE, NULL, NULL));

        gpointer copy = g_memdup2 (bytes, sizeof bytes);

        return g_variant_new_from_data (type, copy, g_variant_get_size (sample), TRUE, g_free,
                                        copy);
      }
    }
}

static gsize
random_length (GRand *random,
               guint  depth)
{
  if (depth < 2 && g_rand_int_range (random, 0, 20) == 0)
    return (gsize) g_rand_int_range (random, 40, 90);

  return (gsize) g_rand_int_range (random, 0, 5);
}

static GVariant *
random_container (GRand              *random,
                  const GVariantType *type,
                  guint               depth)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, type);

  if (g_variant_type_is_array (type))
    for (gsize n = random_length (random, depth); n > 0; n--)
      g_variant_builder_add_value (
        &builder, random_value (random, g_variant_type_element (type), depth + 1));
  else
    for (const GVariantType *t = g_variant_type_first (type); t != NULL;
         t = g_variant_type_next (t))
      g_variant_builder_add_value (&builder, random_value (random, t, depth + 1));

  return g_variant_builder_end (&builder);
}

static GVariant *
random_value (GRand              *random,
              const GVariantType *type,
              guint               depth)
{
  if (g_variant_type_is_basic (type))
    return random_basic (random, type);

  if (g_variant_type_is_variant (type))
    {
      g_autofree char *inner = random_type (random, depth + 1);

      return g_variant_new_variant (random_value (random, G_VARIANT_TYPE (inner), depth + 1));
    }

  if (g_variant_type_is_maybe (type))
    return g_variant_new_maybe (
      g_variant_type_element (type),
      g_rand_boolean (random) ?
        random_value (random, g_variant_type_element (type), depth + 1) :
        NULL);

  return random_container (random, type, depth);
}

/* Most likely where the structure is, and not too different. */
static void
spoil (GRand      *random,
       GByteArray *data)
{
  guint i = data->len > 0 ? (guint) g_rand_int_range (random, 0, (gint32) data->len) : 0;
  guint from_end = (guint) g_rand_int_range (random, 1, 7);
  guint last = data->len - MIN (data->len, from_end);
  guint8 byte = (guint8) g_rand_int_range (random, 0, 12);

  switch (data->len > 0 ? g_rand_int_range (random, 0, 9) : 0)
    {
    case 0:
      g_byte_array_append (data, &byte, 1);
      break;
    case 1:
      g_byte_array_remove_index (data, i);
      break;
    case 2:
      g_byte_array_set_size (data, i);
      break;
    case 3:
      data->data[i] = (guint8) g_rand_int (random);
      break;
    case 4:
      data->data[i] = byte;
      break;
    case 5:
      data->data[last] = (guint8) (data->data[last] + byte % 5 - 2);
      break;
    case 6:
      data->data[last] = (guint8) data->len;
      break;
    case 7:
      data->data[i] = data->data[last];
      break;
    default:
      data->data[i] = (guint8) (data->data[i] ^ (1 << byte % 8));
      break;
    }
}

static GBytes *
spoil_value (GRand    *random,
             GVariant *value)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  g_byte_array_append (data, g_variant_get_data (value), (guint) g_variant_get_size (value));
  for (gint32 n = g_rand_int_range (random, 1, 4); n > 0; n--)
    spoil (random, data);

  return make_bytes (data);
}

static void
test_random (void)
{
  guint32 n_seeds = get_n_seeds ();
  guint n_normal = 0;
  guint n_others = 0;

  for (guint32 seed = 0; seed < n_seeds; seed++)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (seed);
      g_autofree char *type = random_type (random, 0);
      g_autoptr (GVariant) value =
        g_variant_ref_sink (random_value (random, G_VARIANT_TYPE (type), 0));
      g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (value);

      g_assert_true (compare (type, bytes));
      for (guint i = 0; i < 6; i++)
        {
          g_autoptr (GBytes) spoilt = spoil_value (random, value);

          if (compare (type, spoilt))
            n_normal++;
          else
            n_others++;
        }
    }

  g_test_message ("%u in normal form, %u not", n_normal, n_others);
  g_assert_cmpuint (n_normal, >, n_seeds / 2);
  g_assert_cmpuint (n_others, >, n_seeds / 2);
}

/* Where offsets get wider, and where they could be narrower. */
static void
test_offset_sizes (void)
{
  static const gsize sizes[] = { 250, 251, 252, 253, 254, 255, 256, 65530, 65531, 65532, 65533,
                                 65534, 65535, 65536, 65537 };
  static const char * const types[] = { "as", "(ss)", "(sas)", "aas", "a{sv}", "(sms)" };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (types); j++)
      for (gsize width = 1; width <= 8; width *= 2)
        for (gsize n = 1; n < 4; n++)
          {
            g_autofree char *data = g_strnfill (sizes[i] + n * width, 't');
            gsize body = sizes[i];
            g_autoptr (GBytes) bytes = NULL;

            data[body - 1] = '\0';
            for (gsize k = 0; k < n; k++)
              {
                guint64 end = GUINT64_TO_LE ((guint64) body);

                memcpy (data + body + k * width, &end, width);
              }
            bytes = g_bytes_new (data, body + n * width);
            compare (types[j], bytes);
          }
}

/* Texts are read by the word. */
static void
test_texts (void)
{
  static const guint8 bytes[] = { 0, 1, 'a', 0x7f, 0x80, 0xc0, 0xc3, 0xe2, 0xf4, 0xff };

  for (gsize size = 1; size < 36; size++)
    for (gsize i = 0; i < size; i++)
      for (guint j = 0; j < G_N_ELEMENTS (bytes); j++)
        for (guint k = 0; k < 3; k++)
          {
            static const char * const around[] = { "t", "\x01", "\x7f" };
            g_autofree char *data = g_strnfill (size, around[k][0]);
            g_autoptr (GBytes) taken = NULL;

            data[size - 1] = '\0';
            data[i] = (char) bytes[j];
            taken = g_bytes_new (data, size);
            compare ("s", taken);
          }
}

/* A tree some parts of which are bytes that nobody has vouched for. */
static GVariant *
make_tree (GRand    *random,
           GVariant *value,
           guint     depth)
{
  const GVariantType *type = g_variant_get_type (value);
  GVariantBuilder builder;

  if (depth > 0 && g_rand_int_range (random, 0, 4) == 0)
    {
      g_autoptr (GBytes) bytes = g_rand_boolean (random) ? spoil_value (random, value) :
                                                           g_variant_get_data_as_bytes (value);

      return g_variant_new_from_bytes (type, bytes, FALSE);
    }

  if (!g_variant_is_container (value) || g_variant_n_children (value) == 0)
    return value;

  g_variant_builder_init (&builder, type);
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      g_variant_builder_add_value (&builder, make_tree (random, child, depth + 1));
    }

  return g_variant_builder_end (&builder);
}

/* What is sent is what GLib makes of it. */
static void
test_trees (void)
{
  guint32 n_seeds = get_n_seeds ();
  guint n_normal = 0;

  for (guint32 seed = 0; seed < n_seeds; seed++)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (seed);
      g_autofree char *inner = random_type (random, 0);
      g_autofree char *type = g_strdup_printf ("(%sayv)", inner);
      g_autoptr (GVariant) value =
        g_variant_ref_sink (random_value (random, G_VARIANT_TYPE (type), 0));
      g_autoptr (GVariant) tree = g_variant_ref_sink (make_tree (random, value, 0));
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) sent = ppool_value_normalize (tree, &error);
      g_autoptr (GVariant) normal = g_variant_get_normal_form (tree);

      g_assert_no_error (error);
      g_assert_cmpstr (g_variant_get_type_string (sent), ==, type);
      g_assert_cmpmem (g_variant_get_data (sent), g_variant_get_size (sent),
                       g_variant_get_data (normal), g_variant_get_size (normal));
      n_normal += normal == tree;
    }

  g_test_message ("%u in normal form", n_normal);
  g_assert_cmpuint (n_normal, >, n_seeds / 8);
  g_assert_cmpuint (n_normal, <, n_seeds - n_seeds / 8);
}

/* Marked as trusted by mistake, it can't be read by who gets it. */
static void
test_not_to_be_trusted (void)
{
  static const guint8 data[300] = { 1 };
  g_autoptr (GVariant) value = g_variant_ref_sink (
    g_variant_new_from_data (G_VARIANT_TYPE ("(say)"), data, sizeof data, TRUE, NULL, NULL));
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_value_normalize (value, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
  g_assert_nonnull (strstr (error->message, "(say)"));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/value-normal/short", test_short);
  g_test_add_func ("/value-normal/depth", test_depth);
  g_test_add_func ("/value-normal/offset-sizes", test_offset_sizes);
  g_test_add_func ("/value-normal/texts", test_texts);
  g_test_add_func ("/value-normal/random", test_random);
  g_test_add_func ("/value-normal/trees", test_trees);
  g_test_add_func ("/value-normal/not-to-be-trusted", test_not_to_be_trusted);

  return g_test_run ();
}
