#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>

#include "proto/edge/files.hpp"

namespace vigil::edge {

/// A folder of its own for one test, removed afterwards.
class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "vigil-edge.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no scratch folder";
        folder_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    std::filesystem::path write(const std::string& name, const std::string& content,
                                mode_t mode = 0600) const {
        std::ofstream{path(name), std::ios::binary} << content;
        EXPECT_EQ(::chmod(path(name).c_str(), mode), 0);
        return path(name);
    }

private:
    std::filesystem::path folder_;
};

inline std::string content_of(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline unsigned mode_of(const std::filesystem::path& path) {
    struct stat state {};
    EXPECT_EQ(::stat(path.c_str(), &state), 0) << path;
    return state.st_mode & 07777U;
}

/// What `action` throws as a Fatal, which must have `code`; empty when it throws none.
template <class Action>
std::string fatal(const std::string& code, Action&& action) {
    try {
        action();
    } catch (const Fatal& error) {
        EXPECT_EQ(error.code, code) << error.what();
        EXPECT_EQ(error.exit_code, exit_configuration);
        EXPECT_TRUE(std::string{error.what()}.starts_with(code + ": ")) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no " << code;
    return {};
}

}  // namespace vigil::edge
