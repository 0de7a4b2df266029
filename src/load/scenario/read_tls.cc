// The way to the target: TLS and proxy, in the file and over it.
#include <filesystem>

#include "load/scenario/parsed_file.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Problems;
using yaml::TextValue;
using yaml::Value;

std::string version(const Value& value) {
    return value.one_of({"1.2", "1.3"}) == 1 ? "1.3" : "1.2";
}

// One setting of the command line or, if it is not there, of the environment, with its source.
template <class Set>
void given(const std::optional<std::string>& option, const char* option_name, const char* key,
           const Environment& environment, const Set& set) {
    if (option) {
        set(*option, SourceMark{option_name, 0, 0});
        return;
    }
    const std::string name = environment_name(key);
    if (const auto value = environment(name); value && !value->empty())
        set(*value, SourceMark{name, 0, 0});
}

}  // namespace

std::string beside(const std::string& file_name, const std::string& path) {
    const std::filesystem::path named(path);
    if (named.is_absolute()) return path;
    return (std::filesystem::path(file_name).parent_path() / named).lexically_normal().string();
}

TlsSettings read_tls(const Value& value, const std::string& file_name) {
    TlsSettings tls;
    const Map map = value.map({"verify", "ca_file", "certificate_file", "key_file", "server_name",
                               "session_reuse", "min_version", "max_version"});
    const auto read_path = [&](const char* key, std::string& path, SourceMark& mark) {
        const auto v = map.get(key);
        if (!v) return;
        if (v->text().empty()) return v->fail("expected the name of a PEM file");
        path = beside(file_name, v->text());
        mark = v->mark();
    };
    if (const auto v = map.get("verify")) tls.verify = v->boolean();
    read_path("ca_file", tls.ca_file, tls.ca_mark);
    read_path("certificate_file", tls.certificate_file, tls.certificate_mark);
    read_path("key_file", tls.key_file, tls.key_mark);
    if (const auto v = map.get("server_name")) tls.server_name = v->text();
    if (const auto v = map.get("session_reuse")) tls.session_reuse = v->boolean();
    if (const auto v = map.get("min_version")) tls.min_version = version(*v);
    if (const auto v = map.get("max_version")) {
        tls.max_version = version(*v);
        if (tls.max_version < tls.min_version) v->fail("it is below min_version");
    }
    return tls;
}

void override_way(const CommandLine& command_line, const Environment& environment,
                  Problems& problems, Target& target) {
    TlsSettings& tls = target.tls;
    given(command_line.ca_file, "--ca-file", "ca_file", environment,
          [&](const std::string& path, const SourceMark& mark) {
              tls.ca_file = path;
              tls.ca_mark = mark;
              tls.verify = true;  // whoever names an authority wants it asked
          });
    given(command_line.certificate, "--cert", "cert", environment,
          [&](const std::string& path, const SourceMark& mark) {
              tls.certificate_file = path;
              tls.certificate_mark = mark;
              tls.key_file.clear();  // the file's belongs to the file's certificate
          });
    given(command_line.key, "--key", "key", environment,
          [&](const std::string& path, const SourceMark& mark) {
              tls.key_file = path;
              tls.key_mark = mark;
          });
    if (command_line.insecure) {
        tls.verify = false;
    } else {
        given(std::nullopt, "", "insecure", environment,
              [&](const std::string& text, const SourceMark& mark) {
                  const TextValue value(mark.file, text);
                  const bool insecure =
                      text == "1" || (text != "0" && value.value(problems).boolean());
                  if (insecure) tls.verify = false;
              });
    }
    given(command_line.proxy, "--proxy", "proxy", environment,
          [&](const std::string& url, const SourceMark& mark) {
              target.proxy = url;
              target.proxy_mark = mark;
          });
}

}  // namespace squadload::scenario
