// Event, types: takes names and payload types, gives bit indices; 64 to a bus.
#include "core/event/type_registry.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/event/built_in_types.h"

namespace herald::core {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

absl::string_view to_absl(std::string_view text) { return {text.data(), text.size()}; }

bool legal_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

absl::Status check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes ||
      !std::all_of(name.begin(), name.end(), legal_character)) {
    return absl::InvalidArgumentError(absl::StrCat("define: name is \"",
                                                   to_absl(name.substr(0, kMaxNameBytes + 1)),
                                                   "\"; allowed: 1 to 64 of A-Z a-z 0-9 _ . -"));
  }
  return absl::OkStatus();
}

}  // namespace

TypeRegistry::TypeRegistry() {
  for (Entry& entry : built_in_types()) {
    append(std::move(entry));
  }
}

absl::StatusOr<unsigned> TypeRegistry::define(std::string_view name, detail::PayloadId payload,
                                              bool terminal, detail::Encoder encoder,
                                              const std::function<void(unsigned)>& prepare) {
  if (absl::Status legal = check_name(name); !legal.ok()) {
    return legal;
  }
  const std::scoped_lock lock(mutex_);
  const unsigned index = count();
  for (unsigned i = 0; i < index; ++i) {
    if (entries_[i].name == name) {
      return absl::AlreadyExistsError(
          absl::StrCat("define: type \"", to_absl(name), "\" exists in this bus"));
    }
  }
  if (index == kMaxTypes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "define: type \"", to_absl(name), "\" would be the 65th; allowed: 64 with the built-in 5"));
  }
  prepare(index);
  append({std::string(name), payload, terminal, encoder});
  return index;
}

absl::StatusOr<unsigned> TypeRegistry::find(std::string_view name,
                                            detail::PayloadId payload) const {
  const unsigned count_now = count();
  for (unsigned i = 0; i < count_now; ++i) {
    if (entries_[i].name != name) {
      continue;
    }
    if (entries_[i].payload != payload) {
      return absl::InvalidArgumentError(
          absl::StrCat("find: type \"", to_absl(name), "\" has another payload type"));
    }
    return i;
  }
  std::string known;
  for (unsigned i = 0; i < count_now; ++i) {
    absl::StrAppend(&known, i == 0 ? "" : ", ", entries_[i].name);
  }
  return absl::NotFoundError(absl::StrCat("find: type \"", to_absl(name.substr(0, kMaxNameBytes)),
                                          "\" is unknown to this bus; it has ", known));
}

void TypeRegistry::append(Entry entry) {
  const unsigned index = count();
  entries_[index] = std::move(entry);
  count_.store(index + 1, std::memory_order_release);  // [T1] release: pairs with count()
}

}  // namespace herald::core
