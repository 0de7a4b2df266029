# squadload_library(name SOURCES … [HEADERS …] [TESTS …] [PUBLIC …] [PRIVATE …])
# One room: a static library squadload_<name> and, when it has TESTS, one unity test program <name>_test
# (label "unit"). PUBLIC and PRIVATE name the libraries it uses.
function(squadload_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;TESTS;PUBLIC;PRIVATE;TEST_LIBS" ${ARGN})
  set(target squadload_${name})
  add_library(${target} STATIC ${ARG_SOURCES} ${ARG_HEADERS})
  target_link_libraries(${target} PUBLIC squadload_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  if(SQUADLOAD_TESTS AND ARG_TESTS)
    squadload_test(${name}_test SOURCES ${ARG_TESTS} LIBS ${target} ${ARG_TEST_LIBS} LABEL unit)
  endif()
endfunction()

# squadload_test(name SOURCES … LIBS … LABEL unit|sim|integration [TIMEOUT seconds] [SERIAL])
# SERIAL: runs alone, because it compares times.
function(squadload_test name)
  cmake_parse_arguments(ARG "SERIAL" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  # What is tested is optimised as it ships; the tests themselves need to compile quickly.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Og>)
  target_compile_definitions(${name} PRIVATE SQUADLOAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 NO_PRETTY_VALUES
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL})
endfunction()
