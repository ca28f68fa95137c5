# How the compiler is called: warnings, sanitizers, the hard build. Two interface targets carry it:
# casync_options for all of casync's C, casync_hot for what runs in a release.

add_library(casync_options INTERFACE)
target_compile_definitions(casync_options INTERFACE _GNU_SOURCE= $<$<BOOL:${CASYNC_HARD}>:CA_HARD=1>)
target_compile_options(casync_options INTERFACE
  -Wall -Wextra -Wshadow -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wswitch-enum
  -Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion
  -Werror=return-type -Werror=format -Werror=vla -Werror=switch
  $<$<BOOL:${CASYNC_WERROR}>:-Werror>)

if(CASYNC_SANITIZE)
  set(sanitize -fsanitize=${CASYNC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(casync_options INTERFACE ${sanitize})
  target_link_options(casync_options INTERFACE ${sanitize})
endif()

if(CASYNC_COVERAGE)
  target_compile_options(casync_options INTERFACE --coverage)
  target_link_options(casync_options INTERFACE --coverage)
endif()

# The runtime is small calls between small files: link-time optimization lets them melt into the bindings.
add_library(casync_hot INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CASYNC_SANITIZE)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT has_ipo OUTPUT why_not LANGUAGES C)
  if(has_ipo)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  endif()
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(casync_hot INTERFACE -fno-plt -fno-semantic-interposition)
  endif()
endif()
