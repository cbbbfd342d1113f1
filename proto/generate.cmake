set(generated_dir ${CMAKE_CURRENT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated_dir})
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

set(vigil_protos vigil/v1/types vigil/v1/errors vigil/v1/node vigil/v1/query google/rpc/status google/rpc/error_details
    grpc/reflection/v1alpha/reflection grpc/health/v1/health)
set(vigil_services vigil/v1/node vigil/v1/query grpc/reflection/v1alpha/reflection
    grpc/health/v1/health)
set(generated)
foreach(name IN LISTS vigil_protos)
    set(outputs ${generated_dir}/${name}.pb.cc ${generated_dir}/${name}.pb.h)
    set(grpc_arguments)
    if(name IN_LIST vigil_services)
        list(APPEND outputs ${generated_dir}/${name}.grpc.pb.cc ${generated_dir}/${name}.grpc.pb.h)
        set(grpc_arguments --grpc_out=${generated_dir} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${outputs}
        COMMAND protobuf::protoc --cpp_out=${generated_dir} ${grpc_arguments}
                -I ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.proto
        DEPENDS ${name}.proto VERBATIM)
    list(APPEND generated ${outputs})
endforeach()

add_library(vigil_proto STATIC ${generated})
target_include_directories(vigil_proto SYSTEM PUBLIC ${generated_dir})
target_link_libraries(vigil_proto PUBLIC gRPC::grpc++ protobuf::libprotobuf)
# Generated code is compiled for size of build, not for our warnings.
target_compile_options(vigil_proto PRIVATE -w)
