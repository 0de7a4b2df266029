#include "target/squad_api/gateway_support.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "target/llm/reply.h"

namespace squadload::squad_api {
namespace {

llm::Dialect dialect_of(const std::string& provider) {
    return llm::parse_dialect(provider).value_or(llm::Dialect::openai);
}

service::Reply wire(llm::WireReply reply) {
    service::Reply out = service::json_reply(reply.status, std::move(reply.body));
    for (const llm::Header& header : reply.headers) out.headers.add(header.name, header.value);
    return out;
}

ProviderConfig provider_config(const std::string& name, std::string_view providers_url) {
    ProviderConfig provider;
    provider.name = name;
    provider.dialect = dialect_of(name);
    provider.base_url =
        std::string(providers_url) + "/" + name + std::string(llm::base_path(provider.dialect));
    provider.model = name + "-model";
    provider.key = name + "-secret";
    provider.limits.requests = 100'000;
    provider.limits.concurrency = 1000;
    return provider;
}

}  // namespace

Script good(const std::string& provider, const std::string& text) {
    llm::ChatReply reply;
    reply.id = "id-1";
    reply.model = provider + "-model";
    reply.content = text;
    reply.usage = {11, 7};
    reply.created_s = 1'700'000'000;
    return Script{service::json_reply(200, llm::render_reply(dialect_of(provider), reply, {})),
                  false};
}

Script refusal(const std::string& provider, std::optional<Nanos> wait) {
    llm::Refusal refusal;
    refusal.limit = 30;
    refusal.used = 30;
    refusal.requested = 1;
    refusal.wait = wait;
    refusal.model = "m";
    llm::LimitState state;
    if (wait) state.requests_minute = llm::LimitGauge{30, 0, *wait};
    return Script{wire(llm::render_refusal(dialect_of(provider), refusal, state, wall_now())),
                  false};
}

Script error(const std::string& provider, int status) {
    return Script{wire(llm::render_error(dialect_of(provider), status)), false};
}

Script held(Script script) {
    script.hold = true;
    return script;
}

ScriptedProviders::ScriptedProviders(asio::io_context& io) : state_(std::make_shared<State>(io)) {
    service::Router router;
    router.add("POST", "/{provider}/{rest...}", [state = state_](service::Request request) {
        return answer(state, std::move(request));
    });
    auto server = service::Server::listen(io, {}, std::move(router));
    if (!server) ADD_FAILURE() << server.error().text();
    server_ = std::move(*server);
}

void ScriptedProviders::script(const std::string& provider, Script script) {
    state_->scripts[provider].push_back(std::move(script));
}

void ScriptedProviders::always(const std::string& provider, Script script) {
    state_->standing[provider] = std::move(script);
}

void ScriptedProviders::release(std::size_t calls) {
    for (; calls > 0 && !state_->held.empty(); --calls) {
        state_->held.front()->cancel();
        state_->held.pop_front();
    }
}

std::size_t ScriptedProviders::calls_of(const std::string& provider) const {
    return static_cast<std::size_t>(
        std::count_if(calls().begin(), calls().end(),
                      [&provider](const SeenCall& call) { return call.provider == provider; }));
}

asio::awaitable<service::Reply> ScriptedProviders::answer(std::shared_ptr<State> state,
                                                          service::Request request) {
    const std::string provider(request.param("provider"));
    state->calls.push_back(SeenCall{provider, request});
    Script script = good(provider);
    if (const auto standing = state->standing.find(provider); standing != state->standing.end())
        script = standing->second;
    if (auto& next = state->scripts[provider]; !next.empty()) {
        script = std::move(next.front());
        next.pop_front();
    }
    if (script.hold) {
        asio::steady_timer timer(state->io);
        timer.expires_after(std::chrono::hours(1));
        state->held.push_back(&timer);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        std::erase(state->held, &timer);
        if (request.hangup->happened()) ++state->hung_up;
    }
    co_return script.reply;
}

GatewayTest::GatewayTest() : providers(io) {
    for (const char* name : {"groq", "cerebras", "gemini", "openrouter"})
        config.providers.push_back(provider_config(name, providers.url()));
    config.server.port = 0;
    AgentConfig helper;
    helper.name = "helper";
    helper.description = "Helps";
    helper.chain = {0, 1, 2, 3};
    helper.system = "Be kind.";
    helper.max_tokens = 64;
    config.agents.push_back(helper);
    AgentConfig single = helper;
    single.name = "single";
    single.chain = {0};
    config.agents.push_back(single);
    service::ClientOptions options;
    options.verify = false;  // loading the system's certificates takes a while
    client = std::move(*service::Client::create(io, options));
}

GatewayTest::~GatewayTest() {
    gateway.reset();
}

void GatewayTest::start() {
    Stores stores;
    stores.audit = audit;
    stores.history = history;
    stores.limiter = limiter;
    gateway = std::make_unique<Gateway>(io, config, std::move(stores));
    const auto port = gateway->start();
    ASSERT_TRUE(port) << port.error().text();
    origin = service::Origin{false, "127.0.0.1", *port};
}

void GatewayTest::until(const std::function<bool()>& condition) {
    const MonoTime end = mono_now() + kPatience;
    io.restart();
    while (!condition() && mono_now() < end) io.run_one_for(std::chrono::milliseconds(50));
    ASSERT_TRUE(condition()) << "waited for a long time";
}

namespace {

asio::awaitable<service::Answer> send_request(service::Client* client,
                                              service::ClientRequest request) {
    return client->send(std::move(request), mono_now() + kPatience);
}

}  // namespace

std::shared_ptr<Pending> GatewayTest::begin(const std::string& method, const std::string& path,
                                            std::string body, service::Headers headers) {
    auto pending = std::make_shared<Pending>();
    service::ClientRequest request;
    request.method = method;
    request.origin = origin;
    request.target = path;
    request.headers = std::move(headers);
    request.body = std::move(body);
    asio::co_spawn(io, send_request(client.get(), std::move(request)),
                   asio::bind_cancellation_slot(
                       pending->cancel.slot(),
                       [pending](const std::exception_ptr& thrown, service::Answer answer) {
                           pending->over = true;
                           if (!thrown) pending->answer = std::move(answer);
                       }));
    return pending;
}

service::Answer GatewayTest::send(const std::string& method, const std::string& path,
                                  std::string body, service::Headers headers) {
    const auto pending = begin(method, path, std::move(body), std::move(headers));
    until([&pending] { return pending->over; });
    return pending->answer.value_or(service::Answer{});
}

std::shared_ptr<Pending> GatewayTest::begin_ask(const std::string& agent, const std::string& task) {
    const nlohmann::json body{{"user_id", "user_1"},
                              {"agent_id", agent},
                              {"task", task},
                              {"conversation_history", nlohmann::json::array()}};
    return begin("POST", "/agents/chat", body.dump());
}

service::Answer GatewayTest::ask(const std::string& agent, const std::string& task) {
    const auto pending = begin_ask(agent, task);
    until([&pending] { return pending->over; });
    return pending->answer.value_or(service::Answer{});
}

nlohmann::json GatewayTest::get(const std::string& path) {
    return json_of(send("GET", path));
}

std::string GatewayTest::metrics() {
    return send("GET", "/metrics").body;
}

void GatewayTest::until_queued(std::size_t length) {
    const MonoTime end = mono_now() + kPatience;
    while (mono_now() < end && get("/health")["queue"]["length"] != length) {
    }
    ASSERT_EQ(get("/health")["queue"]["length"], length);
}

ProviderConfig& GatewayTest::provider(const std::string& name) {
    for (ProviderConfig& provider : config.providers)
        if (provider.name == name) return provider;
    ADD_FAILURE() << name;
    return config.providers.front();
}

nlohmann::json json_of(const service::Answer& answer) {
    auto read = nlohmann::json::parse(answer.body, nullptr, false);
    if (read.is_discarded()) ADD_FAILURE() << "no JSON: " << answer.body;
    return read;
}

}  // namespace squadload::squad_api
