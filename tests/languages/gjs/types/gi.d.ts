// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// As much of GJS's own modules as PPool.d.ts, the examples and types.ts use. A program would
// take all of it from @girs/gjs, of which Debian has no package.

declare module 'gi://GObject?version=2.0' {
    namespace GObject {
        class Object {
            connect(signal: string, callback: (...args: any[]) => any): number;
            disconnect(id: number): void;
        }
    }
    export default GObject;
}

declare module 'gi://GLib?version=2.0' {
    namespace GLib {
        class Variant {
            constructor(type: string, value: unknown);
            get_type_string(): string;
            print(type_annotate: boolean): string;
            deepUnpack<T = unknown>(): T;
        }
        class VariantType {
            constructor(type: string);
        }
        class Bytes {
            constructor(data: Uint8Array);
            toArray(): Uint8Array;
        }
        class Error {
            constructor(domain: number, code: number, message: string);
            domain: number;
            code: number;
            message: string;
            matches(domain: unknown, code: number): boolean;
        }
        class MainContext {
            static default(): MainContext;
            iteration(may_block: boolean): boolean;
        }
        class MainLoop {
            constructor(context: null, is_running: boolean);
            run(): void;
            quit(): void;
        }
        enum ChecksumType {
            SHA256,
        }
        class Checksum {
            constructor(type: ChecksumType);
            update(data: Uint8Array): void;
            get_string(): string;
        }
        enum FileTest {
            IS_DIR,
        }
        function file_get_contents(filename: string): [boolean, Uint8Array];
        function file_set_contents(filename: string, contents: Uint8Array): boolean;
        function file_test(filename: string, test: FileTest): boolean;
        function strcmp0(str1: string | null, str2: string | null): number;
        function log_writer_supports_color(output_fd: number): boolean;
    }
    export default GLib;
}

declare module 'gi://Gio?version=2.0' {
    import GLib from 'gi://GLib?version=2.0';

    namespace Gio {
        interface AsyncResult {}
        class Cancellable {
            cancel(): void;
            is_cancelled(): boolean;
        }
        class IOErrorEnum extends GLib.Error {
            static readonly CANCELLED: number;
            static readonly NOT_FOUND: number;
            static readonly TIMED_OUT: number;
        }
        enum FileQueryInfoFlags {
            NONE,
            NOFOLLOW_SYMLINKS,
        }
        enum FileCreateFlags {
            NONE,
        }
        enum FileType {
            DIRECTORY,
            REGULAR,
        }
        class FileInfo {
            get_name(): string;
            get_display_name(): string;
            get_file_type(): FileType;
        }
        class FileEnumerator {
            next_file(cancellable: Cancellable | null): FileInfo | null;
        }
        class FileOutputStream {
            write(data: Uint8Array, cancellable: Cancellable | null): number;
        }
        class FileInputStream {
            read_bytes(count: number, cancellable: Cancellable | null): GLib.Bytes;
            close(cancellable: Cancellable | null): boolean;
        }
        class File {
            static new_for_path(path: string): File;
            read(cancellable: Cancellable | null): FileInputStream;
            append_to(flags: FileCreateFlags, cancellable: Cancellable | null): FileOutputStream;
            enumerate_children(attributes: string, flags: FileQueryInfoFlags,
                cancellable: Cancellable | null): FileEnumerator;
        }
        class Credentials {
            get_unix_pid(): number;
        }
    }
    export default Gio;
}

declare module 'gi://GLib' {
    export {default} from 'gi://GLib?version=2.0';
}

declare module 'gi://Gio' {
    export {default} from 'gi://Gio?version=2.0';
}

declare module 'system' {
    const System: {
        exit(status: number): never;
    };
    export default System;
}

declare function print(...args: unknown[]): void;
declare function logError(error: unknown, prefix?: string): void;
declare function printerr(...args: unknown[]): void;
declare const ARGV: string[];
declare class TextEncoder {
    encode(text: string): Uint8Array;
}
