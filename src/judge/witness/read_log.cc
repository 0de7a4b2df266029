#include <fmt/core.h>

#include <istream>
#include <nlohmann/json.hpp>

#include "judge/witness/arrival_table.h"

namespace squadload::witness {
namespace {

constexpr std::size_t kLongestLine = 1024 * 1024;

// What a page of the simulator says about the log as a whole: {"log":{"overflow":3,…}}.
bool read_note(const std::string& line, std::uint64_t& lost) {
    if (!line.starts_with(R"({"log":)")) return false;
    const auto note = nlohmann::json::parse(line, nullptr, false);
    if (note.is_discarded() || !note["log"].is_object()) return false;
    const auto& log = note["log"];
    if (const auto it = log.find("overflow"); it != log.end() && it->is_number_unsigned())
        lost = std::max(lost, it->get<std::uint64_t>());
    return true;
}

}  // namespace

Result<void> LogReader::read(std::istream& in, const std::string& file_name) {
    std::string line;
    int number = 0;
    const auto bad = [&](const std::string& why) {
        return fail_at(SourceMark{file_name, number, 1}, why);
    };
    while (std::getline(in, line)) {
        ++number;
        const bool whole = !in.eof();
        if (line.size() > kLongestLine) return bad("a line of more than 1 MiB is no arrival");
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        if (read_note(line, table_.lost)) continue;
        const auto read = arrivals::read_line(line, arrival_);
        if (!read)
            return bad(whole ? read.error().message
                             : "the last line is cut off: the log was not written to its end");
        if (arrival_.seq <= last_seq_)
            return bad(
                fmt::format("seq {} comes after seq {}: the log is not in its order, or "
                            "two logs were put together",
                            arrival_.seq, last_seq_));
        if (arrival_.at < last_at_)
            return bad(fmt::format("at_ns {} is before that of the line before, {}",
                                   arrival_.at.count(), last_at_.count()));
        last_seq_ = arrival_.seq;
        last_at_ = arrival_.at;
        if (arrival_.at + shift_ >= earliest_) table_.add(arrival_, shift_);
    }
    if (in.bad()) return fail(ErrorKind::config, fmt::format("{} cannot be read", file_name));
    return {};
}

Result<ArrivalTable> read_log(std::istream& in, const std::string& file_name) {
    ArrivalTable table;
    LogReader reader(table);
    if (auto read = reader.read(in, file_name); !read) return tl::unexpected(read.error());
    if (table.rows().empty())
        return fail(ErrorKind::config, fmt::format("{} holds no arrival", file_name));
    return table;
}

}  // namespace squadload::witness
