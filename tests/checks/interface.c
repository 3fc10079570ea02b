/* interface.c: the interface file that authors of other workers read
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

static GDBusInterfaceInfo *
load_interface (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusNodeInfo) node = NULL;
  g_autofree char *filename = NULL;
  g_autofree char *xml = NULL;
  GDBusInterfaceInfo *interface;

  filename = g_test_build_filename (G_TEST_DIST, "..", "ppool-glib",
                                    "org.ppool.Worker1.xml", NULL);
  g_file_get_contents (filename, &xml, NULL, &error);
  g_assert_no_error (error);

  node = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (node->path, ==, "/org/ppool/Worker1");

  interface = g_dbus_node_info_lookup_interface (node, "org.ppool.Worker1");
  g_assert_nonnull (interface);

  return g_dbus_interface_info_ref (interface);
}

static char *
signature (GDBusArgInfo **args)
{
  GString *types = g_string_new (NULL);

  for (gsize i = 0; args != NULL && args[i] != NULL; i++)
    g_string_append (types, args[i]->signature);

  return g_string_free (types, FALSE);
}

static void
test_methods (void)
{
  static const struct
  {
    const char *name;
    const char *in;
    const char *out;
  } methods[] = {
    { "Initialize", "a{sv}", "a{sv}" },
    { "Call", "tsva{sv}", "v" },
    { "Calls", "uay", "" },
    { "Segment", "uth", "" },
    { "Cancel", "t", "" },
    { "Exit", "", "" },
  };
  GDBusInterfaceInfo *interface = load_interface ();
  gsize n_methods = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      GDBusMethodInfo *method;
      g_autofree char *in = NULL;
      g_autofree char *out = NULL;

      method = g_dbus_interface_info_lookup_method (interface, methods[i].name);
      g_assert_nonnull (method);
      in = signature (method->in_args);
      out = signature (method->out_args);
      g_assert_cmpstr (in, ==, methods[i].in);
      g_assert_cmpstr (out, ==, methods[i].out);
    }

  while (interface->methods[n_methods] != NULL)
    n_methods++;
  g_assert_cmpuint (n_methods, ==, G_N_ELEMENTS (methods));

  g_dbus_interface_info_unref (interface);
}

static void
test_signals (void)
{
  GDBusInterfaceInfo *interface = load_interface ();
  g_autofree char *results = signature (interface->signals[0]->args);
  g_autofree char *segment = signature (interface->signals[1]->args);

  g_assert_cmpstr (interface->signals[0]->name, ==, "Results");
  g_assert_cmpstr (results, ==, "uay");
  g_assert_cmpstr (interface->signals[1]->name, ==, "Segment");
  g_assert_cmpstr (segment, ==, "uth");
  g_assert_null (interface->signals[2]);

  g_dbus_interface_info_unref (interface);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/interface/methods", test_methods);
  g_test_add_func ("/interface/signals", test_signals);

  return g_test_run ();
}
