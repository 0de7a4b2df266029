# Compile options of our own targets; third-party headers are SYSTEM and stay out of the warnings.
add_library(squadload_options INTERFACE)
target_compile_features(squadload_options INTERFACE cxx_std_20)
target_include_directories(squadload_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(squadload_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wdouble-promotion -Wformat=2 -Wunused-result
  # libstdc++ 12 uses what it deprecates in std::stable_sort, which only clang says.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wsuggest-override -Wno-restrict>)
if(SQUADLOAD_WERROR)
  target_compile_options(squadload_options INTERFACE -Werror)
endif()
if(SQUADLOAD_SANITIZE)
  add_compile_options(-fsanitize=${SQUADLOAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SQUADLOAD_SANITIZE})
  # g++ 12 sees dangling and uninitialised values that are not there once instrumented.
  target_compile_options(squadload_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(SQUADLOAD_SANITIZE)
  # Sanitizers bring their own malloc.
  add_compile_definitions(SQUADLOAD_SANITIZED)
endif()
if(SQUADLOAD_SANITIZE MATCHES thread)
  # Tests that count allocations cannot replace operator new beside TSan's.
  add_compile_definitions(SQUADLOAD_TSAN)
endif()
if(SQUADLOAD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
