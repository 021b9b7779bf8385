// Refuses memory to one thread for a while. Whoever links refused_memory.cc has the program's
// operator new replaced; forms for arrays and alignments are left as they are.
#pragma once

namespace herald::support {

/// While it lives, operator new fails in the thread that has made it. One at a time in a thread.
class RefusedMemory {
 public:
  RefusedMemory() noexcept;
  RefusedMemory(const RefusedMemory&) = delete;
  RefusedMemory& operator=(const RefusedMemory&) = delete;
  ~RefusedMemory();
};

}  // namespace herald::support
