// Mailbox, eventfd: the signal of a waker.
//
// Threads: any.
#pragma once

#include <cstdint>

namespace herald::core {

class Eventfd {
 public:
  /// Takes over a non-blocking eventfd.
  explicit Eventfd(int handle) noexcept : handle_(handle) {}
  Eventfd(Eventfd&& other) noexcept;
  Eventfd& operator=(Eventfd&&) = delete;
  ~Eventfd();

  /// Readable from now on.
  void set() noexcept;
  /// Not readable from now on.
  void clear() noexcept;
  [[nodiscard]] int handle() const noexcept { return handle_; }

 private:
  int handle_;
};

}  // namespace herald::core
