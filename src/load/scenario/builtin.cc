#include "load/scenario/parsed_file.h"

namespace squadload::scenario {

std::string_view builtin_users() {
    return R"(SquadApiUser:
  wait_time: between(1, 3)
  tasks:
    chat:
      description: "80% of requests: POST /agents/chat"
      weight: 80
      method: POST
      path: /agents/chat
      json:
        user_id: "user_{{ random_int(1, 100) }}"
        agent_id: "{{ choice('financial_advisor', 'travel_planner', 'tech_support') }}"
        task: "{{ choice(\"What's the best investment strategy?\", \"Plan a trip to Tokyo\",
          \"How do I fix my WiFi?\", \"Calculate ROI for my portfolio\",
          \"Recommend hotels in Paris\") }}"
        conversation_history: []
    health:
      description: "15% of requests: GET /health"
      weight: 15
      method: GET
      path: /health
      expect:
        status: [200, 503]
    metrics:
      description: "5% of requests: GET /metrics"
      weight: 5
      method: GET
      path: /metrics
      expect:
        status: 200
)";
}

}  // namespace squadload::scenario
