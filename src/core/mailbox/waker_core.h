// Mailbox, waker: the eventfd of many mailboxes, set while one of them has something.
//
// Threads: any. Ownership: the Waker handle's and that of its mailboxes.
#pragma once

#include "base/atomics.h"
#include "core/mailbox/eventfd.h"
#include "core/mailbox/ready_count.h"
#include "herald/waker.h"

namespace herald::core {

class WakerCore {
 public:
  using Ready = ReadyCount<base::NativeAtomics, Eventfd>;

  explicit WakerCore(int handle) noexcept : ready_(Eventfd(handle)) {}

  [[nodiscard]] static Ready* ready(Waker* waker) noexcept {
    return waker == nullptr ? nullptr : &waker->core_->ready_;
  }
  [[nodiscard]] Ready& ready() noexcept { return ready_; }

 private:
  Ready ready_;
};

}  // namespace herald::core
