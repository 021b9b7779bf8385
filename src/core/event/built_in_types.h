// Event, types: gives the entries of the five types that every bus has.
#pragma once

#include <array>

#include "core/event/type_registry.h"

namespace herald::core {

[[nodiscard]] std::array<TypeRegistry::Entry, TypeRegistry::kBuiltInTypes> built_in_types();

}  // namespace herald::core
