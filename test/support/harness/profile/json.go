package profile

import "encoding/json"

// The shape of an environment document as Flagsmith writes it, down to the
// parts that the proxy only passes on.

type documentJSON struct {
	ID             int                `json:"id"`
	APIKey         string             `json:"api_key"`
	Name           string             `json:"name"`
	UpdatedAt      string             `json:"updated_at"`
	Project        projectJSON        `json:"project"`
	States         []featureStateJSON `json:"feature_states"`
	Overrides      []overrideJSON     `json:"identity_overrides"`
	Amplitude      *struct{}          `json:"amplitude_config"`
	Heap           *struct{}          `json:"heap_config"`
	Mixpanel       *struct{}          `json:"mixpanel_config"`
	Rudderstack    *struct{}          `json:"rudderstack_config"`
	Segment        *struct{}          `json:"segment_config"`
	Dynatrace      *struct{}          `json:"dynatrace_config"`
	Webhook        *struct{}          `json:"webhook_config"`
	HideDisabled   *bool              `json:"hide_disabled_flags"`
	HideSensitive  bool               `json:"hide_sensitive_data"`
	CompositeKey   bool               `json:"use_identity_composite_key_for_hashing"`
	LocalOverrides bool               `json:"use_identity_overrides_in_local_eval"`
	ClientTraits   bool               `json:"allow_client_traits"`
}

type projectJSON struct {
	ID            int              `json:"id"`
	Name          string           `json:"name"`
	HideDisabled  bool             `json:"hide_disabled_flags"`
	Realtime      bool             `json:"enable_realtime_updates"`
	ServerKeyOnly []int            `json:"server_key_only_feature_ids"`
	Organisation  organisationJSON `json:"organisation"`
	Segments      []segmentJSON    `json:"segments"`
}

type organisationJSON struct {
	ID               int    `json:"id"`
	Name             string `json:"name"`
	FeatureAnalytics bool   `json:"feature_analytics"`
	StopServing      bool   `json:"stop_serving_flags"`
	PersistTraitData bool   `json:"persist_trait_data"`
}

type segmentJSON struct {
	ID     int                `json:"id"`
	Name   string             `json:"name"`
	Rules  []ruleJSON         `json:"rules"`
	States []featureStateJSON `json:"feature_states"`
}

type ruleJSON struct {
	Type       string          `json:"type"`
	Conditions []conditionJSON `json:"conditions"`
	Rules      []ruleJSON      `json:"rules"`
}

type conditionJSON struct {
	Operator string `json:"operator"`
	Property string `json:"property_"`
	Value    string `json:"value"`
}

type featureStateJSON struct {
	Feature featureJSON  `json:"feature"`
	Enabled bool         `json:"enabled"`
	Value   any          `json:"feature_state_value"`
	UUID    string       `json:"featurestate_uuid"`
	ID      int          `json:"django_id"`
	Segment *prioJSON    `json:"feature_segment"`
	Options []optionJSON `json:"multivariate_feature_state_values"`
}

type featureJSON struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type prioJSON struct {
	Priority int `json:"priority"`
}

type optionJSON struct {
	ID     int         `json:"id"`
	UUID   string      `json:"mv_fs_value_uuid"`
	Weight json.Number `json:"percentage_allocation"`
	Option valueJSON   `json:"multivariate_feature_option"`
}

type valueJSON struct {
	Value string `json:"value"`
	ID    int    `json:"id"`
}

type overrideJSON struct {
	Identifier   string             `json:"identifier"`
	UUID         string             `json:"identity_uuid"`
	CreatedDate  string             `json:"created_date"`
	APIKey       string             `json:"environment_api_key"`
	Traits       []struct{}         `json:"identity_traits"`
	CompositeKey string             `json:"composite_key"`
	Features     []featureStateJSON `json:"identity_features"`
}
