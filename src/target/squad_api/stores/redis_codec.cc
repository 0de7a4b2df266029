#include "target/squad_api/stores/redis_codec.h"

#include <fmt/core.h>
#include <hiredis/hiredis.h>

#include <new>
#include <utility>

namespace squadload::squad_api {
namespace {

struct Budget {
    std::size_t elements_left = 0;
    std::size_t elements_max = 0;
    bool exceeded = false;
};

// Where the object being read belongs: in its list, which has its size already, or nowhere yet.
// hiredis is C: no exception may pass through it. Null stands for "out of memory" there.
RedisReply* place(const redisReadTask* task) noexcept {
    if (task->parent == nullptr) return new (std::nothrow) RedisReply;
    auto* const list = static_cast<RedisReply*>(task->parent->obj);
    return &list->items[static_cast<std::size_t>(task->idx)];
}

void* make_text(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
    RedisReply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->kind = task->type == REDIS_REPLY_ERROR    ? RedisReply::Kind::error
                  : task->type == REDIS_REPLY_STATUS ? RedisReply::Kind::status
                                                     : RedisReply::Kind::text;
    try {
        reply->text.assign(bytes, size);
    } catch (const std::bad_alloc&) {
        if (task->parent == nullptr) delete reply;
        return nullptr;
    }
    return reply;
}

void* make_list(const redisReadTask* task, int size) noexcept {
    auto& budget = *static_cast<Budget*>(task->privdata);
    const auto elements = static_cast<std::size_t>(size);
    if (size < 0 || elements > budget.elements_left) {
        budget.exceeded = true;
        return nullptr;
    }
    budget.elements_left -= elements;
    RedisReply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->kind = RedisReply::Kind::list;
    try {
        reply->items.resize(elements);
    } catch (const std::bad_alloc&) {
        if (task->parent == nullptr) delete reply;
        return nullptr;
    }
    return reply;
}

void* make_integer(const redisReadTask* task, long long value) noexcept {
    RedisReply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->kind = RedisReply::Kind::integer;
    reply->integer = value;
    return reply;
}

void* make_nil(const redisReadTask* task) noexcept {
    return place(task);
}

void free_root(void* reply) noexcept {
    delete static_cast<RedisReply*>(reply);
}

redisReplyObjectFunctions kMakers = {make_text, make_list, make_integer, make_nil, free_root};

}  // namespace

std::string encode_command(std::span<const std::string_view> arguments) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view argument : arguments) {
        texts.push_back(argument.data() == nullptr ? "" : argument.data());
        sizes.push_back(argument.size());
    }
    char* bytes = nullptr;
    const int size = redisFormatCommandArgv(&bytes, static_cast<int>(arguments.size()),
                                            texts.data(), sizes.data());
    if (size < 0) throw std::bad_alloc();
    std::string encoded(bytes, static_cast<std::size_t>(size));
    redisFreeCommand(bytes);
    return encoded;
}

struct RedisDecoder::Reader {
    explicit Reader(RedisBounds wanted)
        : bounds(wanted),
          budget{wanted.elements, wanted.elements},
          state(redisReaderCreateWithFunctions(&kMakers)) {
        if (state == nullptr) throw std::bad_alloc();
        state->privdata = &budget;
    }
    ~Reader() { redisReaderFree(state); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    RedisBounds bounds;
    Budget budget;
    redisReader* state;
    std::size_t bytes_of_reply = 0;  // fed since the last complete reply
    bool out_of_memory = false;
};

RedisDecoder::RedisDecoder(RedisBounds bounds) : reader_(std::make_unique<Reader>(bounds)) {}
RedisDecoder::~RedisDecoder() = default;

void RedisDecoder::feed(std::string_view bytes) {
    reader_->bytes_of_reply += bytes.size();
    if (redisReaderFeed(reader_->state, bytes.data(), bytes.size()) != REDIS_OK) {
        reader_->out_of_memory = true;
    }
}

Result<std::optional<RedisReply>> RedisDecoder::next() {
    Reader& reader = *reader_;
    void* found = nullptr;
    const bool broken =
        reader.out_of_memory || redisReaderGetReply(reader.state, &found) != REDIS_OK;
    if (reader.budget.exceeded) {
        return fail(ErrorKind::io, fmt::format("it sent a reply of more than {} elements",
                                               reader.budget.elements_max));
    }
    if (broken) {
        return fail(ErrorKind::io, reader.out_of_memory
                                       ? "there is no memory for its reply"
                                       : fmt::format("it does not speak Redis's protocol ({})",
                                                     reader.state->errstr));
    }
    if (found == nullptr) {
        if (reader.bytes_of_reply > reader.bounds.bytes) {
            return fail(ErrorKind::io,
                        fmt::format("it sent a reply of more than {} bytes", reader.bounds.bytes));
        }
        return std::optional<RedisReply>{};
    }
    const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(found));
    reader.budget.elements_left = reader.bounds.elements;
    reader.bytes_of_reply = reader.state->len - reader.state->pos;
    return std::optional<RedisReply>(std::move(*owned));
}

}  // namespace squadload::squad_api
