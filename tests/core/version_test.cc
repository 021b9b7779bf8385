#include "herald/version.h"

#include <gtest/gtest.h>

#include <string>

namespace herald {
namespace {

TEST(Version, OfTheLibraryIsThatOfTheHeaders) {
  EXPECT_EQ(version(), std::to_string(HERALD_VERSION_MAJOR) + '.' +
                           std::to_string(HERALD_VERSION_MINOR) + '.' +
                           std::to_string(HERALD_VERSION_PATCH));
}

}  // namespace
}  // namespace herald
