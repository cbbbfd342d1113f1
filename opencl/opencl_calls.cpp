#include "opencl/opencl_calls.hpp"

#include "core/work/searcher.hpp"

namespace vigil::opencl {
namespace {

std::string error_name(cl_int error) {
    switch (error) {
        case CL_DEVICE_NOT_AVAILABLE:
            return "device not available";
        case CL_COMPILER_NOT_AVAILABLE:
            return "compiler not available";
        case CL_MEM_OBJECT_ALLOCATION_FAILURE:
            return "out of device memory";
        case CL_OUT_OF_RESOURCES:
            return "out of resources, or the device was lost";
        case CL_OUT_OF_HOST_MEMORY:
            return "out of host memory";
        case CL_BUILD_PROGRAM_FAILURE:
            return "the kernel did not compile";
        case CL_INVALID_WORK_GROUP_SIZE:
            return "invalid work-group size";
        case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST:
            return "the launch failed on the device";
    }
    return "error";
}

/// Without the zero at the end and without the spaces some drivers pad names with.
std::string trimmed(std::string text) {
    text.resize(text.find_last_not_of(std::string_view{" \0", 2}) + 1);
    text.erase(0, text.find_first_not_of(' '));
    return text;
}

}  // namespace

void check(cl_int error, std::string_view call) {
    if (error == CL_SUCCESS) return;
    throw SearchFailed{"OpenCL: " + std::string{call} + ": " + error_name(error) + " (" +
                       std::to_string(error) + ")"};
}

Context make_context(cl_device_id device) {
    cl_int error = CL_SUCCESS;
    Context out{clCreateContext(nullptr, 1, &device, nullptr, nullptr, &error)};
    check(error, "clCreateContext");
    return out;
}

Queue make_queue(cl_context context, cl_device_id device) {
    cl_int error = CL_SUCCESS;
    Queue out{clCreateCommandQueue(context, device, 0, &error)};
    check(error, "clCreateCommandQueue");
    return out;
}

Program make_program(cl_context context, cl_device_id device, const char* source,
                     const char* options) {
    cl_int error = CL_SUCCESS;
    Program out{clCreateProgramWithSource(context, 1, &source, nullptr, &error)};
    check(error, "clCreateProgramWithSource");
    error = clBuildProgram(out.get(), 1, &device, options, nullptr, nullptr);
    if (error != CL_SUCCESS) {
        std::string log(16'384, '\0');
        if (clGetProgramBuildInfo(out.get(), device, CL_PROGRAM_BUILD_LOG, log.size(), log.data(),
                                  nullptr) != CL_SUCCESS)
            log.clear();
        check(error, "clBuildProgram: " + std::string{log.c_str()});
    }
    return out;
}

Kernel make_kernel(cl_program program, const char* name) {
    cl_int error = CL_SUCCESS;
    Kernel out{clCreateKernel(program, name, &error)};
    check(error, "clCreateKernel");
    return out;
}

Buffer make_buffer(cl_context context, cl_mem_flags flags, std::size_t bytes) {
    cl_int error = CL_SUCCESS;
    Buffer out{clCreateBuffer(context, flags, bytes, nullptr, &error)};
    check(error, "clCreateBuffer");
    return out;
}

std::string platform_text(cl_platform_id platform, cl_platform_info what) {
    std::size_t size = 0;
    if (clGetPlatformInfo(platform, what, 0, nullptr, &size) != CL_SUCCESS) return {};
    std::string out(size, '\0');
    if (clGetPlatformInfo(platform, what, size, out.data(), nullptr) != CL_SUCCESS) return {};
    return trimmed(std::move(out));
}

std::string device_text(cl_device_id device, cl_device_info what) {
    std::size_t size = 0;
    if (clGetDeviceInfo(device, what, 0, nullptr, &size) != CL_SUCCESS) return {};
    std::string out(size, '\0');
    if (clGetDeviceInfo(device, what, size, out.data(), nullptr) != CL_SUCCESS) return {};
    return trimmed(std::move(out));
}

}  // namespace vigil::opencl
