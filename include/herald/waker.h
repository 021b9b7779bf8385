#pragma once

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"

namespace herald {

namespace core {
class WakerCore;
}  // namespace core

/// One place to wait for many mailboxes: an eventfd that is readable while any of them has
/// something; the end of a mailbox is something, until that mailbox is closed. For an owner who
/// sleeps in epoll, libuv, Asio or wait_for().
/// Threads: any; several mailboxes, with owners on several threads, may share it.
/// Ordering: what was put into a mailbox before its waker became readable is found there.
/// Cost: a system call (some 1 us, paid by the dispatching thread) when the first of its mailboxes
///   gets something, and one by the owner who finds the last one empty; none in between.
class Waker {
 public:
  /// Errors: ResourceExhausted: the process has no file descriptor left.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<Waker>> create();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker();

  /// The eventfd, to be watched for being readable (level-triggered), neither read, written nor
  /// closed. Valid as long as the waker.
  [[nodiscard]] int native_handle() const noexcept;

  /// Sleeps until a mailbox has something (true) or `timeout` has passed (false).
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const noexcept;

 private:
  friend class core::WakerCore;
  explicit Waker(std::unique_ptr<core::WakerCore> core) noexcept;

  const std::unique_ptr<core::WakerCore> core_;
};

}  // namespace herald
