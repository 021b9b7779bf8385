# herald_build_flags: how Herald's own files are compiled. Linked privately and for the build only,
# so that nothing of it reaches a program that uses Herald.
add_library(herald_build_flags INTERFACE)

# For this machine's processor. GCC 12 does not know AMD's with AVX-512, and makes a loop
# over one field of each 64-byte event slower with vectors of 512 bits than with none: 0.49 and
# 0.28 ns an event; 0.28 with 256 bits.
set(native_flags "")
if(HERALD_NATIVE)
  set(native_flags -march=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    list(APPEND native_flags -mprefer-vector-width=256)
  endif()
endif()

target_compile_options(herald_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=  # assertions name src/..., on every machine the same
  $<$<BOOL:${HERALD_WERROR}>:-Werror>
  ${native_flags})

if(HERALD_SANITIZE)
  foreach(sanitizer IN LISTS HERALD_SANITIZE)
    if(NOT sanitizer MATCHES "^(thread|address|undefined)$")
      message(FATAL_ERROR
        "HERALD_SANITIZE=${sanitizer}: choose thread, or a list of address and undefined.")
    endif()
  endforeach()
  if("thread" IN_LIST HERALD_SANITIZE AND "address" IN_LIST HERALD_SANITIZE)
    message(FATAL_ERROR "HERALD_SANITIZE: thread and address cannot be combined.")
  endif()
  list(JOIN HERALD_SANITIZE "," sanitizers)
  set(sanitize_flags -fsanitize=${sanitizers} -fno-sanitize-recover=all)
  target_compile_options(herald_build_flags INTERFACE ${sanitize_flags} -fno-omit-frame-pointer)
  target_link_options(herald_build_flags INTERFACE ${sanitize_flags})
  # moodycamel has fences, and GCC warns that ThreadSanitizer does not know them. Nothing of Herald
  # is ordered by them, and tools/tidy.py keeps fences out of Herald itself.
  target_compile_options(herald_build_flags INTERFACE
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<IN_LIST:thread,${HERALD_SANITIZE}>>:-Wno-tsan>)
endif()

# herald_compiler_flags: the flags that decide about speed, for what prints measurements.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(herald_compiler_flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
list(JOIN native_flags " " joined_native_flags)
string(APPEND herald_compiler_flags " ${joined_native_flags}")
if(HERALD_NO_EXCEPTIONS)
  string(APPEND herald_compiler_flags " -fno-exceptions -fno-rtti")
endif()
if(HERALD_SANITIZE)
  string(APPEND herald_compiler_flags " -fsanitize=${sanitizers}")
endif()
string(STRIP "${herald_compiler_flags}" herald_compiler_flags)
set(HERALD_COMPILER_FLAGS "${herald_compiler_flags}" CACHE INTERNAL "For what reads this folder")
