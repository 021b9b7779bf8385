# Finds moodycamel::ConcurrentQueue, which is one header: Debian's libconcurrentqueue-dev, or any
# other copy, told with -DMoodycamel_ROOT=<prefix or folder>. A copy found there, or in a prefix
# that CMake searches before the system's, is taken first.
#
# Gives the target moodycamel::concurrentqueue; with it, `#include <concurrentqueue.h>` works
# whichever folder the copy was installed in.
find_path(Moodycamel_INCLUDE_DIR concurrentqueue.h
  PATH_SUFFIXES
    concurrentqueue/moodycamel  # upstream's own install, 1.0.4 and later
    moodycamel
    concurrentqueue             # Debian, and upstream's sources unpacked
  DOC "The folder that holds concurrentqueue.h")
mark_as_advanced(Moodycamel_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Moodycamel REQUIRED_VARS Moodycamel_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libconcurrentqueue-dev or set Moodycamel_ROOT")

if(Moodycamel_FOUND AND NOT TARGET moodycamel::concurrentqueue)
  add_library(moodycamel::concurrentqueue INTERFACE IMPORTED)
  set_target_properties(moodycamel::concurrentqueue PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${Moodycamel_INCLUDE_DIR}")
endif()
