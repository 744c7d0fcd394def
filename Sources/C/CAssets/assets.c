/* A Swift literal of 200 kB takes half a minute to compile; #embed (C23) takes none. */
#include "CAssets.h"

#if __has_embed("../../../Web/vendor/chart.min.js") == __STDC_EMBED_NOT_FOUND__
#error "Web/vendor/chart.min.js is missing; run Scripts/bootstrap first"
#endif

static const unsigned char index_html[] = {
#embed "../../../Web/index.html"
};
static const unsigned char content_html[] = {
#embed "../../../Web/content.html"
};
static const unsigned char martlet_svg[] = {
#embed "../../../Web/martlet.svg"
};
static const unsigned char style_css[] = {
#embed "../../../Web/style.css"
};
static const unsigned char panels_css[] = {
#embed "../../../Web/panels.css"
};
static const unsigned char theme_js[] = {
#embed "../../../Web/theme.js"
};
static const unsigned char app_js[] = {
#embed "../../../Web/app.js"
};
static const unsigned char api_js[] = {
#embed "../../../Web/api.js"
};
static const unsigned char charts_js[] = {
#embed "../../../Web/charts.js"
};
static const unsigned char content_js[] = {
#embed "../../../Web/content.js"
};
static const unsigned char dom_js[] = {
#embed "../../../Web/dom.js"
};
static const unsigned char format_js[] = {
#embed "../../../Web/format.js"
};
static const unsigned char holdings_js[] = {
#embed "../../../Web/holdings.js"
};
static const unsigned char network_js[] = {
#embed "../../../Web/network.js"
};
static const unsigned char provenance_js[] = {
#embed "../../../Web/provenance.js"
};
static const unsigned char session_js[] = {
#embed "../../../Web/session.js"
};
static const unsigned char state_js[] = {
#embed "../../../Web/state.js"
};
static const unsigned char updates_js[] = {
#embed "../../../Web/updates.js"
};
static const unsigned char chart_js[] = {
#embed "../../../Web/vendor/chart.min.js"
};

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define STYLE "text/css; charset=utf-8"
#define ASSET(path, type, bytes) {path, type, bytes, sizeof bytes}

static const martlet_asset assets[] = {
    ASSET("/", HTML, index_html),
    ASSET("/content", HTML, content_html),
    ASSET("/martlet.svg", "image/svg+xml", martlet_svg),
    ASSET("/style.css", STYLE, style_css),
    ASSET("/panels.css", STYLE, panels_css),
    ASSET("/theme.js", SCRIPT, theme_js),
    ASSET("/app.js", SCRIPT, app_js),
    ASSET("/api.js", SCRIPT, api_js),
    ASSET("/charts.js", SCRIPT, charts_js),
    ASSET("/content.js", SCRIPT, content_js),
    ASSET("/dom.js", SCRIPT, dom_js),
    ASSET("/format.js", SCRIPT, format_js),
    ASSET("/holdings.js", SCRIPT, holdings_js),
    ASSET("/network.js", SCRIPT, network_js),
    ASSET("/provenance.js", SCRIPT, provenance_js),
    ASSET("/session.js", SCRIPT, session_js),
    ASSET("/state.js", SCRIPT, state_js),
    ASSET("/updates.js", SCRIPT, updates_js),
    ASSET("/vendor/chart.min.js", SCRIPT, chart_js),
};

size_t martlet_asset_count(void) { return sizeof assets / sizeof assets[0]; }

const martlet_asset *martlet_asset_at(size_t index) {
  return index < martlet_asset_count() ? &assets[index] : NULL;
}
