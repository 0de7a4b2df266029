// A simulator and a client on one loop, for tests: everything happens while a test waits for it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "target/providers/simulator.h"
#include "target/service/client.h"

namespace squadload::providers {

using service::Answer;
using service::ClientRequest;
using service::Headers;

inline constexpr Nanos kPatience = std::chrono::seconds(20);

// Answers at once, and no limit is near.
inline Profile plain_profile(std::string name = "groq", llm::Dialect dialect = llm::Dialect::groq) {
    Profile profile;
    profile.provider = std::move(name);
    profile.dialect = dialect;
    profile.quota.requests = 1'000'000;
    profile.latency = {std::chrono::milliseconds(1), std::chrono::milliseconds(1), 100'000, 10, 20};
    profile.models = {ModelProfile{"large", profile.quota, profile.latency},
                      ModelProfile{"small", profile.quota, profile.latency}};
    return profile;
}

inline void set_quota(Profile& profile, const limits::QuotaSettings& quota) {
    profile.quota = quota;
    for (ModelProfile& model : profile.models) model.quota = quota;
}

inline void set_latency(Profile& profile, const LatencySettings& latency) {
    profile.latency = latency;
    for (ModelProfile& model : profile.models) model.latency = latency;
}

inline Settings with(Profile profile, double latency_scale = 0) {
    Settings settings;
    settings.profiles.push_back(std::move(profile));
    settings.latency_scale = latency_scale;
    return settings;
}

inline std::string chat_body(const std::string& model = "large", int max_tokens = 0) {
    std::string bound = max_tokens > 0 ? ",\"max_tokens\":" + std::to_string(max_tokens) : "";
    return R"({"model":")" + model + R"(","messages":[{"role":"user","content":"Hello there"}])" +
           bound + "}";
}

class Bed {
  public:
    explicit Bed(Settings settings) {
        auto simulator = Simulator::start(io, std::move(settings));
        if (!simulator) throw std::runtime_error(simulator.error().text());
        simulator_ = std::move(*simulator);
        service::ClientOptions options;
        options.max_connections_per_origin = 20'000;
        client_ = *service::Client::create(io, options);
    }

    Simulator& simulator() { return *simulator_; }

    template <class T>
    T wait(asio::awaitable<T> work) {
        std::optional<T> result;
        std::exception_ptr failure;
        asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& e, T value) {
            failure = e;
            result = std::move(value);
        });
        io.restart();
        while (!result && io.run_one() > 0) {
        }
        if (failure) std::rethrow_exception(failure);
        return std::move(*result);
    }

    ClientRequest request(std::string method, std::string target, std::string body = "",
                          const Headers& headers = {}) {
        ClientRequest request;
        request.method = std::move(method);
        request.origin = {false, "127.0.0.1", simulator_->port()};
        request.target = std::move(target);
        request.body = std::move(body);
        request.headers = headers;
        return request;
    }
    Answer send(ClientRequest request, Nanos patience = kPatience) {
        return wait(client_->send(std::move(request), mono_now() + patience));
    }
    Answer get(std::string target) { return send(request("GET", std::move(target))); }
    // A chat call at groq's path.
    ClientRequest chat(const std::string& body,
                       const Headers& headers = {{"authorization", "Bearer secret"}}) {
        return request("POST", "/groq/openai/v1/chat/completions", body, headers);
    }
    Answer call(const std::string& body = chat_body(), Nanos patience = kPatience) {
        return send(chat(body), patience);
    }
    // All at once; answers in the requests' order.
    std::vector<Answer> send_all(std::vector<ClientRequest> requests, Nanos patience = kPatience) {
        std::vector<Answer> answers(requests.size());
        std::size_t left = requests.size();
        for (std::size_t i = 0; i < requests.size(); ++i) {
            asio::co_spawn(io, client_->send(std::move(requests[i]), mono_now() + patience),
                           [&, i](const std::exception_ptr&, Answer answer) {
                               answers[i] = std::move(answer);
                               --left;
                           });
        }
        io.restart();
        while (left > 0 && io.run_one() > 0) {
        }
        return answers;
    }
    std::vector<Answer> call_all(std::size_t n, const std::string& body = chat_body()) {
        std::vector<ClientRequest> requests;
        for (std::size_t i = 0; i < n; ++i) requests.push_back(chat(body));
        return send_all(std::move(requests));
    }
    // Lets so much time pass.
    void pass(Nanos time) {
        asio::steady_timer timer(io, time);
        bool done = false;
        timer.async_wait([&](const auto&) { done = true; });
        io.restart();
        while (!done && io.run_one() > 0) {
        }
    }
    // Runs the loop until it holds, or patience ends.
    template <class Condition>
    bool until(Condition holds) {
        const MonoTime end = mono_now() + kPatience;
        while (!holds() && mono_now() < end) pass(std::chrono::milliseconds(2));
        return holds();
    }
    // Does it as soon as the condition holds, while the test waits for something else.
    void when(std::function<bool()> holds, std::function<void()> action) {
        watch_.expires_after(std::chrono::milliseconds(1));
        watch_.async_wait([this, holds = std::move(holds), action = std::move(action)](
                              const boost::system::error_code& error) mutable {
            if (error) return;
            if (holds()) return action();
            when(std::move(holds), std::move(action));
        });
    }
    arrivals::Arrival last() {
        auto page = simulator_->arrivals(0, 1'000'000);
        return page.arrivals.empty() ? arrivals::Arrival{} : std::move(page.arrivals.back());
    }

    asio::io_context io{1};

  private:
    asio::steady_timer watch_{io};
    std::unique_ptr<Simulator> simulator_;
    std::unique_ptr<service::Client> client_;
};

}  // namespace squadload::providers
