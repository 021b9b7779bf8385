# The cost of each stage, beside its yardsticks in the same program. Not part of the default build:
#   cmake --build FOLDER --target herald_micro_benches
#   FOLDER/bench/lane_bench --benchmark_filter=batch:256
find_package(benchmark REQUIRED)

# herald_micro_benches(MAIN <file> SOURCES <file>...)
# One program for each source. Its test (label `bench`) runs everything once, to see that it runs
# and that its checks hold; no figure is judged.
function(herald_micro_benches)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "MAIN" "SOURCES")
  add_library(herald_bench_main STATIC EXCLUDE_FROM_ALL ${arg_MAIN})
  set_target_properties(herald_bench_main PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(herald_bench_main PUBLIC
    herald::herald herald_sources benchmark::benchmark)
  target_compile_definitions(herald_bench_main PRIVATE
    HERALD_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    HERALD_FLAGS="${herald_compiler_flags}")

  add_custom_target(herald_micro_benches)
  add_test(NAME build_micro_benches
    COMMAND "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}" --target herald_micro_benches)
  set_tests_properties(build_micro_benches PROPERTIES LABELS "bench;once"
    FIXTURES_SETUP micro_benches)

  foreach(source IN LISTS arg_SOURCES)
    cmake_path(GET source STEM name)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
    # GCC remarks that it passes payloads of a large alignment otherwise than GCC 4.5 did.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>)
    target_link_libraries(${name} PRIVATE herald_bench_main)
    add_dependencies(herald_micro_benches ${name})
    add_test(NAME ${name} COMMAND ${name} --benchmark_min_time=0.001)
    set_tests_properties(${name} PROPERTIES LABELS "bench;once"
      FIXTURES_REQUIRED micro_benches FAIL_REGULAR_EXPRESSION "ERROR OCCURRED")
  endforeach()
endfunction()
