# What an application finds: libcasync, casync.pc for pkg-config, a CMake package. All of it may be moved with its prefix.
include(CMakePackageConfigHelpers)

install(TARGETS casync_shared casync_static EXPORT casync ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/casync)
install(EXPORT casync NAMESPACE casync:: FILE casync-targets.cmake DESTINATION ${package})
configure_package_config_file(cmake/casync-config.cmake.in ${CMAKE_BINARY_DIR}/casync-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/casync-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/casync-config.cmake ${CMAKE_BINARY_DIR}/casync-config-version.cmake DESTINATION ${package})

file(RELATIVE_PATH to_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" /prefix)
configure_file(cmake/casync.pc.in ${CMAKE_BINARY_DIR}/casync.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/casync.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
