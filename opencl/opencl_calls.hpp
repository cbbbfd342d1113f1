#pragma once

#include <CL/cl.h>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// OpenCL's C calls with owners for its handles and errors as SearchFailed. Internal to opencl/.
namespace vigil::opencl {

/// Throws SearchFailed naming the call and the error unless `error` is CL_SUCCESS.
void check(cl_int error, std::string_view call);

template <auto release>
struct Released {
    template <class T>
    void operator()(T* handle) const {
        release(handle);
    }
};
template <class Handle, auto release>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Released<release>>;

using Context = Owned<cl_context, clReleaseContext>;
using Queue = Owned<cl_command_queue, clReleaseCommandQueue>;
using Program = Owned<cl_program, clReleaseProgram>;
using Kernel = Owned<cl_kernel, clReleaseKernel>;
using Buffer = Owned<cl_mem, clReleaseMemObject>;
using Event = Owned<cl_event, clReleaseEvent>;

Context make_context(cl_device_id device);
Queue make_queue(cl_context context, cl_device_id device);
/// Compiled for the device; SearchFailed holds the compiler's output when that fails.
Program make_program(cl_context context, cl_device_id device, const char* source,
                     const char* options);
Kernel make_kernel(cl_program program, const char* name);
Buffer make_buffer(cl_context context, cl_mem_flags flags, std::size_t bytes);

std::string platform_text(cl_platform_id platform, cl_platform_info what);
std::string device_text(cl_device_id device, cl_device_info what);

/// A property of a device; `otherwise` where the driver does not know it.
template <class T>
T device_value(cl_device_id device, cl_device_info what, T otherwise) {
    T out{};
    const bool known = clGetDeviceInfo(device, what, sizeof out, &out, nullptr) == CL_SUCCESS;
    return known ? out : otherwise;
}

}  // namespace vigil::opencl
