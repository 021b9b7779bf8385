// Event, types: takes names and payload types, gives bit indices; 64 to a bus.
//
// Threads: any. define() takes a lock; lookups by index do not.
// Invariants: an entry is written once, before count_ covers it, and never changes.
// Synchronization: [T1] count_ is stored with release after the entry / loaded with acquire first.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "herald/callback.h"
#include "herald/event_type.h"

namespace herald::core {

class TypeRegistry {
 public:
  static constexpr unsigned kMaxTypes = 64;
  static constexpr unsigned kBuiltInTypes = 5;

  struct Entry {
    std::string name;
    detail::PayloadId payload = 0;
    bool terminal = false;
    detail::Encoder encoder;
  };

  TypeRegistry();

  /// The new index, for which `prepare` is called before anybody else can know it. Errors as
  /// Bus::define.
  absl::StatusOr<unsigned> define(std::string_view name, detail::PayloadId payload, bool terminal,
                                  detail::Encoder encoder,
                                  const std::function<void(unsigned)>& prepare);
  [[nodiscard]] absl::StatusOr<unsigned> find(std::string_view name,
                                              detail::PayloadId payload) const;

  /// Null if there is no such type. Wait-free.
  [[nodiscard]] const Entry* entry(unsigned index) const noexcept {
    return index < count() ? &entries_[index] : nullptr;
  }
  [[nodiscard]] unsigned count() const noexcept {
    return count_.load(std::memory_order_acquire);  // [T1] acquire: pairs with append()
  }

 private:
  void append(Entry entry);

  std::mutex mutex_;  // one define() at a time
  std::array<Entry, kMaxTypes> entries_;
  std::atomic<unsigned> count_{0};
};

}  // namespace herald::core
