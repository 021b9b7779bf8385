#pragma once

#include "herald/bus.h"

namespace herald {

/// The one bus of the process, for programs that do not want to hand a bus around: default options,
/// its own dispatcher thread, made at the first call and never destroyed.
/// Threads: any, also several at once; all get the same bus. Usable as long as the process runs: in
///   constructors and destructors of static objects and in functions given to std::atexit.
/// At exit: the process ends without waiting for the bus. Accepted events that are not delivered by
///   then are lost without a word, and a callback that is running is cut off. To lose none, call
///   flush(timeout) when the last is published, or drain(timeout), which also closes the bus and
///   sends what middleware holds. Until the process is gone callbacks go on, also while static
///   objects are being destroyed: unsubscribe those that use such objects before. A Subscription
///   that is itself static, and defined after what its callback uses, does so in time.
/// fork(): the child has no dispatcher thread and must not use it; let it call exec or _exit.
/// Requires: nobody moves from it or assigns to it. close() and drain() are final: there is no
///   other default bus.
/// Errors: ends the process with a message if there is no thread or memory to make it, as Bus().
/// Cost: once that of a Bus (some ms and 1 MiB), then a load and a branch. It stays reachable, so
///   no leak checker reports it.
[[nodiscard]] Bus& default_bus() noexcept;

}  // namespace herald
