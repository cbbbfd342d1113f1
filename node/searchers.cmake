# The hashing side of the node: one CPU searcher, and the choice among all backends that were built.
add_library(node_searchers STATIC
    clock_rate.cpp
    cpu_searcher.cpp
    cpu_searcher_first_round.cpp
    cpu_searcher_scalar.cpp
    guarded_searcher.cpp
    reopening_searcher.cpp
    searcher_choice.cpp
    searchers.cpp
    worker_crew.cpp
)
# Optimised in every build type: these few loops are the searcher. Sanitizers would make minutes of compiling of
# their unrolled arithmetic; what they are handed is checked where it is allocated and used.
set(kernel_options -O3 -fno-sanitize=all)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    target_sources(node_searchers PRIVATE
        cpu_paths_x86.cpp cpu_searcher_bmi2.cpp cpu_searcher_avx2.cpp cpu_searcher_avx512.cpp)
    set_source_files_properties(cpu_searcher_bmi2.cpp PROPERTIES COMPILE_OPTIONS "${kernel_options};-mbmi;-mbmi2")
    set_source_files_properties(cpu_searcher_avx2.cpp PROPERTIES COMPILE_OPTIONS "${kernel_options};-mavx2")
    set_source_files_properties(cpu_searcher_avx512.cpp PROPERTIES COMPILE_OPTIONS "${kernel_options};-mavx512f")
else()
    target_sources(node_searchers PRIVATE cpu_paths_portable.cpp)
endif()
set_source_files_properties(cpu_searcher_scalar.cpp PROPERTIES COMPILE_OPTIONS "${kernel_options}")
target_link_libraries(node_searchers PUBLIC core vigil_options PRIVATE Threads::Threads)
foreach(backend opencl cuda)
    if(TARGET ${backend})
        string(TOUPPER ${backend} name)
        target_link_libraries(node_searchers PRIVATE ${backend})
        target_compile_definitions(node_searchers PRIVATE VIGIL_HAVE_${name}=1)
    endif()
endforeach()
