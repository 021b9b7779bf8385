# Install rules: headers, library, CMake package, pkg-config file. The program has its rule beside
# it.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/herald")
set(templates "${PROJECT_SOURCE_DIR}/tools/cmake")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/herald" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS herald EXPORT herald_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

install(EXPORT herald_targets NAMESPACE herald:: DESTINATION ${package_dir}
        FILE herald-targets.cmake)
configure_package_config_file("${templates}/herald-config.cmake.in" herald-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break the interface.
write_basic_package_version_file(herald-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/herald-config.cmake"
              "${PROJECT_BINARY_DIR}/herald-config-version.cmake"
        DESTINATION ${package_dir})

# The prefix is found from the place of herald.pc itself, so that DESTDIR and --prefix both work. A
# static library hands what it is made with to its user; a shared one has that inside.
set(pkgconfig_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH herald_pc_prefix "${pkgconfig_dir}" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" herald_pc_prefix "${herald_pc_prefix}")
foreach(kind LIBDIR INCLUDEDIR)
  string(TOLOWER "herald_pc_${kind}" folder)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(${folder} "${CMAKE_INSTALL_${kind}}")
  else()
    set(${folder} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
list(TRANSFORM herald_public_absl REPLACE "^absl::" "absl_" OUTPUT_VARIABLE herald_pc_requires)
list(TRANSFORM herald_private_absl REPLACE "^absl::" "absl_" OUTPUT_VARIABLE private_absl)
set(herald_pc_libs "-L\${libdir} -lherald")
set(herald_pc_requires_private "")
if(BUILD_SHARED_LIBS)
  set(herald_pc_requires_private "${private_absl}")
else()
  list(APPEND herald_pc_requires ${private_absl})
  string(APPEND herald_pc_libs " -pthread")
endif()
list(JOIN herald_pc_requires " " herald_pc_requires)
list(JOIN herald_pc_requires_private " " herald_pc_requires_private)
configure_file("${templates}/herald.pc.in" herald.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/herald.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
