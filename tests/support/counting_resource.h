// A memory resource that counts what is asked of it, and refuses when told to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace herald::support {

/// Threads: any.
class CountingResource : public std::pmr::memory_resource {
 public:
  /// How many allocations there have been, and how many of them still stand.
  [[nodiscard]] std::int64_t allocations() const { return allocations_.load(kRelaxed); }
  [[nodiscard]] std::int64_t live() const { return live_.load(kRelaxed); }

  /// The next `allocations` are granted, later ones throw std::bad_alloc.
  void refuse_after(std::int64_t allocations) { left_.store(allocations, kRelaxed); }

 private:
  static constexpr std::memory_order kRelaxed = std::memory_order_relaxed;  // counts only

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (left_.fetch_sub(1, kRelaxed) <= 0) {
      throw std::bad_alloc();
    }
    allocations_.fetch_add(1, kRelaxed);
    live_.fetch_add(1, kRelaxed);
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    live_.fetch_sub(1, kRelaxed);
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::atomic<std::int64_t> allocations_{0};
  std::atomic<std::int64_t> live_{0};
  std::atomic<std::int64_t> left_{INT64_MAX};
};

}  // namespace herald::support
