# herald_build_flags: how Herald's own files are compiled. Linked privately and for the build only,
# so that nothing of it reaches a program that uses Herald.
add_library(herald_build_flags INTERFACE)

target_compile_options(herald_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=  # assertions name src/..., on every machine the same
  $<$<BOOL:${HERALD_WERROR}>:-Werror>
  $<$<BOOL:${HERALD_NATIVE}>:-march=native>)

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
if(HERALD_NATIVE)
  string(APPEND herald_compiler_flags " -march=native")
endif()
if(HERALD_NO_EXCEPTIONS)
  string(APPEND herald_compiler_flags " -fno-exceptions -fno-rtti")
endif()
string(STRIP "${herald_compiler_flags}" herald_compiler_flags)
