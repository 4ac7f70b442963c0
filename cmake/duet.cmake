# What every target of the project has in common.

find_package(OpenSSL 3.0 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)

if(DUET_LINKER)
  find_program(DUET_LINKER_PROGRAM ld.${DUET_LINKER})
  if(DUET_LINKER_PROGRAM)
    add_link_options(-fuse-ld=${DUET_LINKER})
  else()
    message(STATUS "${DUET_LINKER} is not installed: linking takes longer")
  endif()
endif()

add_library(duet_warnings INTERFACE)
target_compile_options(duet_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Werror)
target_include_directories(duet_warnings INTERFACE ${PROJECT_SOURCE_DIR})

if(DUET_SANITIZE STREQUAL "address")
  # DUET_CHECKS, a property of a target: nothing for everything, address for AddressSanitizer alone, none.
  # Some clean-up paths of GCC 12's own headers look like uses of uninitialised memory once instrumented.
  target_compile_options(duet_warnings INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:DUET_CHECKS>,>:-fsanitize=address,undefined>
    $<$<STREQUAL:$<TARGET_PROPERTY:DUET_CHECKS>,address>:-fsanitize=address>
    -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(duet_warnings INTERFACE -fsanitize=address,undefined)
elseif(DUET_SANITIZE STREQUAL "thread")
  target_compile_options(duet_warnings INTERFACE -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(duet_warnings INTERFACE -fsanitize=thread)
elseif(DUET_SANITIZE STREQUAL "fuzzer")
  target_compile_options(duet_warnings INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(duet_warnings INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(duet_warnings INTERFACE -fsanitize=address,undefined)
elseif(NOT DUET_SANITIZE STREQUAL "")
  message(FATAL_ERROR "DUET_SANITIZE is '${DUET_SANITIZE}'; it takes nothing, address, thread or fuzzer")
endif()

# For what runs for moments only, such as reading options: with a sanitizer it takes twice as long to compile when it is
# optimised.
function(duet_plain_when_sanitized target)
  if(DUET_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# duet_library(protocol SOURCES a.cpp b.cpp LINK ZLIB::ZLIB): library duet_protocol, alias duet::protocol.
function(duet_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(duet_${name} STATIC ${ARG_SOURCES})
  add_library(duet::${name} ALIAS duet_${name})
  target_link_libraries(duet_${name} PUBLIC duet_warnings ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# duet_program(duet-store SOURCES main.cpp LINK duet::store_service): an executable in bin/.
function(duet_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE duet_warnings ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  duet_plain_when_sanitized(${name})
endfunction()

# duet_migrations(files.cpp HEADER store_service/sqlite/schema.h FUNCTION duet::sqlite::migrations): compiles the folder's
# migrations/*.sql into that function, declared in the header: the program needs no files beside it.
function(duet_migrations output)
  cmake_parse_arguments(ARG "" "HEADER;FUNCTION" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/migrations/*.sql)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(rows "")
  foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    string(REGEX MATCH "^[0-9]+" number ${name})
    string(REGEX REPLACE "^0+" "" number ${number})
    file(READ ${file} sql)
    string(APPEND rows "    {${number}, \"migration ${name}\", R\"sql(${sql})sql\"},\n")
  endforeach()
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output} CONTENT
"// Made by CMake from the migrations beside ${ARG_HEADER}.
#include \"${ARG_HEADER}\"

std::span<const duet::sqlite::Migration> ${ARG_FUNCTION}() {
  static constexpr duet::sqlite::Migration kSteps[] = {
${rows}};
  return kSteps;
}
")
endfunction()
