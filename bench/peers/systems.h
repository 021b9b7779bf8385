// The systems under test: one function a file.
#pragma once

#include <string_view>
#include <vector>

#include "measurement.h"
#include "request.h"
#include "system.h"

namespace peers {

struct Entry {
  std::string_view name;
  Abilities abilities;
  Measurement (*measure)(const Request& request);
};

Entry herald_tracked();
Entry herald_untracked();
Entry boost_spsc();
Entry reader_writer_queue();
Entry boost_queue();
Entry tbb_queue();
Entry moodycamel_queue();
Entry mutex_deque();
Entry zeromq();
Entry nng();
Entry signals2();
Entry sigcpp();
Entry bare_loop();
Entry linear_scan();
Entry futex();

inline std::vector<Entry> all_systems() {
  return {herald_tracked(),
          herald_untracked(),
          boost_spsc(),
          reader_writer_queue(),
          boost_queue(),
          tbb_queue(),
          moodycamel_queue(),
          mutex_deque(),
          zeromq(),
          nng(),
          signals2(),
          sigcpp(),
          bare_loop(),
          linear_scan(),
          futex()};
}

}  // namespace peers
