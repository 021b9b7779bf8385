// The public face: takes calls on a Waker, and its eventfd.
#include "herald/waker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "core/mailbox/eventfd.h"
#include "core/mailbox/waker_core.h"

namespace herald {
namespace core {

Eventfd::Eventfd(Eventfd&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

Eventfd::~Eventfd() {
  if (handle_ >= 0) {
    ::close(handle_);
  }
}

// Neither fails: the counter is far from its end, and nobody waits in them.
void Eventfd::set() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(handle_, &one, sizeof(one)));
}

void Eventfd::clear() noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(handle_, &count, sizeof(count)));
}

}  // namespace core

absl::StatusOr<std::shared_ptr<Waker>> Waker::create() {
  const int handle = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (handle < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Waker::create: the system gave no eventfd (error ", errno, ")"));
  }
  return std::shared_ptr<Waker>(new Waker(std::make_unique<core::WakerCore>(handle)));
}

Waker::Waker(std::unique_ptr<core::WakerCore> core) noexcept : core_(std::move(core)) {}
Waker::~Waker() = default;

int Waker::native_handle() const noexcept { return core_->ready().signal().handle(); }

bool Waker::wait_for(std::chrono::nanoseconds timeout) const noexcept {
  const std::int64_t deadline_ns = base::Clock::monotonic_deadline(timeout);
  pollfd watched{native_handle(), POLLIN, 0};
  for (;;) {
    const std::int64_t left_ns =
        std::max<std::int64_t>(deadline_ns - base::Clock::monotonic_ns(), 0);
    const timespec left{left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    const int ready = ::ppoll(&watched, 1, &left, nullptr);
    if (ready > 0 || (ready == 0 && left_ns == 0)) {
      return ready > 0;
    }
  }
}

}  // namespace herald
