#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <unistd.h>

namespace vigil::health::test {

/// A folder that is gone afterwards, and small files in it.
class Tree {
public:
    Tree() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "vigil-health-XXXXXX").string();
        if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no temporary folder"};
        path_ = pattern;
    }
    ~Tree() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    const std::filesystem::path& path() const { return path_; }
    void write(const std::filesystem::path& file, const std::string& text) const {
        std::filesystem::create_directories((path_ / file).parent_path());
        // In one step: who reads meanwhile finds the old text or the new.
        std::ofstream{path_ / "new"} << text;
        std::filesystem::rename(path_ / "new", path_ / file);
    }

private:
    std::filesystem::path path_;
};

/// The cards that the fake library has from now on.
class FakeCards {
public:
    explicit FakeCards(const std::string& text) {
        change(text);
        ::setenv("FAKE_NVML_FILE", (tree_.path() / "cards").c_str(), 1);
    }
    ~FakeCards() { ::unsetenv("FAKE_NVML_FILE"); }
    void change(const std::string& text) const { tree_.write("cards", text); }

private:
    Tree tree_;
};

}  // namespace vigil::health::test
