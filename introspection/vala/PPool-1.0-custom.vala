// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What foreach needs: an iterator() without parameters, and a next_value() of what that
// gives without any either. So each iterator is the same object, seen as another class.
// The bodies have no more in them than vapigen can write down again.

namespace PPool {
  public sealed class AsCompleted : GLib.Object {
    [CCode (cname = "g_object_ref")]
    public PPool.AsCompletedIterator iterator ();
  }

  public sealed class Map : GLib.Object {
    [CCode (cname = "g_object_ref")]
    public PPool.MapIterator iterator ();
  }

  [Compact]
  [CCode (cname = "PPoolAsCompleted", ref_function = "g_object_ref",
          unref_function = "g_object_unref")]
  public class AsCompletedIterator {
    public PPool.Future? next_value () throws GLib.Error {
      unowned PPool.AsCompleted completed = (PPool.AsCompleted) this;
      PPool.Future? future = completed.next_future (-1);
      return future;
    }
  }

  [Compact]
  [CCode (cname = "PPoolMap", ref_function = "g_object_ref", unref_function = "g_object_unref")]
  public class MapIterator {
    public GLib.Variant? next_value () throws GLib.Error {
      unowned PPool.Map map = (PPool.Map) this;
      GLib.Variant? value = map.next_value (-1);
      return value;
    }
  }
}
