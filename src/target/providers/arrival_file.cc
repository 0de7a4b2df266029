#include "target/providers/arrival_file.h"

#include <fmt/core.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "target/service/batch_worker.h"

namespace squadload::providers {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kMostBlocks = 4'096;  // waiting to be written: some 256 MB
constexpr Nanos kLastFlush = std::chrono::seconds(10);

struct Block {
    std::string text;
    std::uint64_t lines = 0;
};

struct CloseFile {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

}  // namespace

struct ArrivalFile::Writer {
    Writer(std::FILE* opened, std::string name)
        : path(std::move(name)),
          file(opened),
          worker("arrivals", kMostBlocks, 16, [this](std::vector<Block>& blocks) {
              for (const Block& block : blocks) write(block);
          }) {}

    void write(const Block& block) {
        const std::size_t written =
            std::fwrite(block.text.data(), 1, block.text.size(), file.get());
        if (written == block.text.size() && std::fflush(file.get()) == 0) {
            kept += block.lines;
            return;
        }
        dropped += block.lines;
        if (!std::exchange(complained, true)) {
            log::error(fmt::format("cannot write {}: {}; calls are missing in it", path,
                                   std::strerror(errno)));
        }
    }

    std::string path;
    std::unique_ptr<std::FILE, CloseFile> file;
    std::atomic<std::uint64_t> kept = 0;
    std::atomic<std::uint64_t> dropped = 0;
    bool complained = false;             // the worker's thread alone
    service::BatchWorker<Block> worker;  // last: it uses all of the above
};

Result<std::unique_ptr<ArrivalFile>> ArrivalFile::create(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "wx");
    if (file == nullptr) {
        const int why = errno;
        return fail(ErrorKind::io,
                    why == EEXIST
                        ? fmt::format("{} is there already: name another file or remove it", path)
                        : fmt::format("cannot create {}: {}", path, std::strerror(why)));
    }
    return std::unique_ptr<ArrivalFile>(new ArrivalFile(std::make_unique<Writer>(file, path)));
}

ArrivalFile::ArrivalFile(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}

ArrivalFile::~ArrivalFile() {
    close("");
}

void ArrivalFile::add(std::string_view line) {
    gathered_ += line;
    ++gathered_lines_;
    if (gathered_.size() >= kBlockBytes) flush();
}

void ArrivalFile::flush() {
    if (gathered_.empty()) return;
    Block block{std::exchange(gathered_, {}), std::exchange(gathered_lines_, 0)};
    lines_ += block.lines;
    const std::uint64_t lines = block.lines;
    if (!writer_->worker.post(std::move(block))) writer_->dropped += lines;
    gathered_.reserve(kBlockBytes);
}

void ArrivalFile::close(std::string_view last_lines) {
    if (!writer_->file) return;
    gathered_ += last_lines;
    flush();
    if (!writer_->worker.stop(kLastFlush))
        log::error(fmt::format("{} is incomplete: the disk was too slow", writer_->path));
    writer_->dropped = lines_ - writer_->kept;
    writer_->file.reset();
}

FileCounts ArrivalFile::counts() const {
    return {lines_ + gathered_lines_, writer_->dropped};
}

}  // namespace squadload::providers
