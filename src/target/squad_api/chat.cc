#include "target/squad_api/chat.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/suggest.h"
#include "target/llm/request.h"
#include "target/llm/tokens.h"
#include "target/squad_api/answer.h"
#include "target/squad_api/client_request.h"
#include "target/squad_api/serve.h"

namespace squadload::squad_api {
namespace {

constexpr std::string_view kInvalid = "invalid_request_error";

std::string_view path_of(Endpoint endpoint) {
    switch (endpoint) {
        case Endpoint::agents_chat:
            return "/agents/chat";
        case Endpoint::agent:
            return "/v1/agents";
        case Endpoint::chat_completions:
            break;
    }
    return "/v1/chat/completions";
}

// A request from its arrival to its end: counts it and writes its audit row, also when the client
// hangs up, which destroys the coroutine that owns this.
class Record {
  public:
    Record(Core& core, Endpoint endpoint, const service::Request& request)
        : core_(core), endpoint_(endpoint), at_(wall_now()), arrived_(request.arrived) {
        ++core_.counters.in_flight;
        ++core_.counters.requests_total;
        const std::string_view sent = request.headers.get("x-request-id");
        call.request_id = is_sane_request_id(sent) ? std::string(sent) : core_.ids.next();
        call.arrived = arrived_;
        call.order = ++core_.order;
    }
    ~Record() {
        --core_.counters.in_flight;
        if (done_) return;
        // A coroutine destroyed with its io_context is no hang-up, but its client got no answer
        // either.
        ++core_.counters.hangups;
        finish(0, "hangup");
    }
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;

    ChatCall call;
    Served served;
    std::string user_id;
    std::string task;

    void finish(int status, std::string_view outcome) {
        done_ = true;
        const bool ok = outcome == outcome_name(Verdict::Kind::served);
        const std::size_t provider = ok ? served.verdict.provider + 1 : 0;
        const std::size_t route = call.route == nullptr ? 0 : core_.place_of(*call.route) + 1;
        ++core_.counters.requests[{provider, route, status}];
        if (ok && served.verdict.fallback)
            ++core_.counters.fallbacks[{served.verdict.provider, served.verdict.fallback_reason}];
        if (core_.stores.audit) core_.stores.audit->add(row(status, outcome, ok));
    }

  private:
    AuditRow row(int status, std::string_view outcome, bool ok) {
        AuditRow row;
        row.at = at_;
        row.request_id = call.request_id;
        row.user_id = user_id;
        if (call.route != nullptr) row.agent = call.route->name;
        row.endpoint = path_of(endpoint_);
        row.status = status;
        row.outcome = outcome;
        row.attempts = static_cast<std::uint32_t>(served.calls);
        row.attempts_text = attempts_text(core_, served.attempts);
        if (ok) {
            const ProviderConfig& provider = core_.providers[served.verdict.provider].config;
            row.provider = provider.name;
            row.model = provider.model;
            row.fallback = served.verdict.fallback;
            row.fallback_reason = name_of(served.verdict.fallback_reason);
            row.prompt_tokens = static_cast<std::int64_t>(served.reply.usage.prompt_tokens);
            row.completion_tokens = static_cast<std::int64_t>(served.reply.usage.completion_tokens);
        }
        row.latency = mono_now() - arrived_;
        row.queued = served.queued;
        if (core_.config.log_prompts) row.prompt = std::move(task);
        return row;
    }

    Core& core_;
    Endpoint endpoint_;
    WallTime at_;
    MonoTime arrived_;
    bool done_ = false;
};

Problem unknown_agent(const Core& core, std::string_view name) {
    std::vector<std::string> names;
    for (const AgentConfig& agent : core.config.agents) names.push_back(agent.name);
    const std::string near = nearest_name(name, names);
    std::string sentence = fmt::format("there is no agent '{}'", name.substr(0, 64));
    sentence += near.empty() ? "; GET /v1/agents lists them" : ": did you mean '" + near + "'?";
    return Problem{404, "not_found_error", std::move(sentence)};
}

Problem streaming() {
    return Problem{400, kInvalid, "streamed answers are not offered yet: leave out 'stream'"};
}

// The client's wish within the route's bound.
std::uint64_t max_tokens(const Route& route, std::optional<std::uint64_t> wished) {
    const auto most = static_cast<std::uint64_t>(route.max_tokens);
    return wished ? std::min(*wished, most) : most;
}

void add_system(const Route& route, llm::ChatRequest& chat) {
    if (!route.system.empty())
        chat.messages.insert(chat.messages.begin(), llm::Message{llm::Role::system, route.system});
}

void count_tokens(ChatCall& call) {
    call.tokens = static_cast<std::int64_t>(llm::estimate_prompt_tokens(call.chat.messages) +
                                            call.chat.max_tokens.value_or(0));
}

// Fills in everything but the history and the task.
std::optional<Problem> read_agent_request(const Core& core, Endpoint endpoint,
                                          const service::Request& request, Record& record,
                                          ClientRequest& client) {
    auto parsed = read_client_request(request.body);
    if (!parsed) return Problem{400, kInvalid, parsed.error().message};
    client = std::move(*parsed);
    record.user_id = client.user_id;
    if (client.stream) return streaming();
    std::string_view agent = client.agent_id;
    if (endpoint == Endpoint::agent) {
        const std::string_view in_path = request.param("agent");
        if (!agent.empty() && agent != in_path)
            return Problem{400, kInvalid, "'agent_id' differs from the agent in the path"};
        agent = in_path;
    }
    if (agent.empty())
        return Problem{400, kInvalid, "'agent_id' is missing: GET /v1/agents lists them"};
    const Route* route = core.find_route(agent);
    if (route == nullptr || !route->agent) return unknown_agent(core, agent);
    ChatCall& call = record.call;
    call.route = route;
    std::optional<std::uint64_t> wished;
    if (client.max_tokens) wished = static_cast<std::uint64_t>(*client.max_tokens);
    call.chat.max_tokens = max_tokens(*route, wished);
    call.chat.temperature = client.temperature ? client.temperature : route->temperature;
    call.chat.user = client.user_id;
    return std::nullopt;
}

std::optional<Problem> read_openai_request(const Core& core, const service::Request& request,
                                           Record& record) {
    auto parsed = llm::read_request(llm::Dialect::openai, request.path, request.body);
    if (!parsed) return Problem{400, kInvalid, parsed.error().message};
    ChatCall& call = record.call;
    call.chat = std::move(*parsed);
    record.user_id = call.chat.user;
    if (call.chat.stream) return streaming();
    // Left out silently, the answer would not be what was asked for.
    if (!call.chat.unsupported.empty())
        return Problem{
            400, kInvalid,
            fmt::format("'{}' is not supported: answers are one text", call.chat.unsupported)};
    const Route* route = core.find_route(call.chat.model);
    if (route == nullptr)
        return Problem{404, "not_found_error",
                       fmt::format("there is no model '{}': name an agent or provider/model, as "
                                   "GET /v1/models lists them",
                                   call.chat.model.substr(0, 128))};
    call.route = route;
    call.chat.max_tokens = max_tokens(*route, call.chat.max_tokens);
    if (!call.chat.temperature) call.chat.temperature = route->temperature;
    if (core.config.log_prompts && !call.chat.messages.empty())
        record.task = call.chat.messages.back().content;
    add_system(*route, call.chat);
    count_tokens(call);
    return std::nullopt;
}

std::vector<llm::Message> as_messages(std::vector<Turn> turns) {
    std::vector<llm::Message> messages;
    messages.reserve(turns.size());
    for (Turn& turn : turns)
        messages.push_back(
            llm::Message{turn.role == "assistant" ? llm::Role::assistant : llm::Role::user,
                         std::move(turn.text)});
    return messages;
}

// Long turns must not make every later request of the conversation too large: the oldest go.
std::vector<Turn> within_bytes(std::vector<Turn> turns) {
    constexpr std::size_t kMost = std::size_t{64} * 1024;
    std::size_t bytes = 0;
    std::size_t kept = 0;
    while (kept < turns.size()) {
        bytes += turns[turns.size() - 1 - kept].text.size();
        if (bytes > kMost) break;
        ++kept;
    }
    turns.erase(turns.begin(), turns.end() - static_cast<std::ptrdiff_t>(kept));
    return turns;
}

bool keeps_history(const Core& core, const Record& record) {
    return core.stores.history && core.config.history_turns > 0 && !record.user_id.empty();
}

// The conversation: what the client sent, else what is kept of it; then the task.
asio::awaitable<void> add_conversation(std::shared_ptr<Core> core, Record* record,
                                       ClientRequest* client) {
    using namespace std::chrono_literals;
    ChatCall& call = record->call;
    if (client->history) {
        call.chat.messages = std::move(*client->history);
    } else if (keeps_history(*core, *record)) {
        const auto turns = static_cast<std::size_t>(core->config.history_turns);
        auto kept = co_await core->stores.history->last(record->user_id, call.route->name, turns,
                                                        mono_now() + 250ms);
        call.chat.messages = as_messages(within_bytes(std::move(kept)));
    }
    call.chat.messages.push_back(llm::Message{llm::Role::user, client->task});
    add_system(*call.route, call.chat);
    record->task = std::move(client->task);
    count_tokens(call);
}

void keep_conversation(Core& core, const Record& record) {
    if (!keeps_history(core, record)) return;
    std::vector<Turn> turns;
    turns.push_back(Turn{"user", record.task});
    turns.push_back(Turn{"assistant", record.served.reply.content});
    core.stores.history->append(record.user_id, record.call.route->name, std::move(turns),
                                wall_now());
}

service::Reply refuse(Record& record, const Problem& problem, Shape shape) {
    record.finish(problem.status, problem.status == 404 ? "not_found" : "bad_request");
    return problem_reply(problem, record.call.request_id, shape);
}

}  // namespace

asio::awaitable<service::Reply> chat(std::shared_ptr<Core> core, Endpoint endpoint,
                                     service::Request request) {
    const Shape shape = endpoint == Endpoint::chat_completions ? Shape::openai : Shape::squad;
    Record record(*core, endpoint, request);
    ClientRequest client;
    const auto problem = shape == Shape::openai
                             ? read_openai_request(*core, request, record)
                             : read_agent_request(*core, endpoint, request, record, client);
    if (problem) co_return refuse(record, *problem, shape);
    if (shape == Shape::squad) co_await add_conversation(core, &record, &client);
    co_await serve(core, &record.call, &record.served);
    const Verdict::Kind kind = record.served.verdict.kind;
    service::Reply reply =
        kind == Verdict::Kind::served
            ? chat_reply(*core, record.call, record.served, shape, mono_now() - record.call.arrived)
            : verdict_reply(*core, record.call, record.served, shape);
    if (kind == Verdict::Kind::served && shape == Shape::squad) keep_conversation(*core, record);
    record.finish(reply.status, outcome_name(kind));
    co_return reply;
}

}  // namespace squadload::squad_api
