// Runs each model test in both fence modes.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "base/fence.h"
#include "model/explore.h"

namespace herald::model {

class FenceModes : public testing::TestWithParam<base::FenceMode> {
 protected:
  static base::FenceMode mode() { return GetParam(); }
  static Exploration named(const std::string& name, Bounds bounds = {}) {
    return {.name = name + ", " + name_of(mode()), .bounds = bounds};
  }

 public:
  static std::string name_of(base::FenceMode mode) {
    return mode == base::FenceMode::kMembarrier ? "membarrier" : "seq_cst";
  }
  static auto both() {
    return testing::Values(base::FenceMode::kMembarrier, base::FenceMode::kSequentiallyConsistent);
  }
  static std::string suffix(const testing::TestParamInfo<base::FenceMode>& each) {
    return name_of(each.param);
  }
};

}  // namespace herald::model
