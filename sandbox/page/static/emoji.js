// The names of a few emoji; of the rest the name itself is shown.

const TABLE = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok_hand: "👌", clap: "👏", wave: "👋", pray: "🙏",
  raised_hands: "🙌", muscle: "💪", eyes: "👀", point_right: "👉", point_up: "☝️", smile: "😄", slightly_smiling_face: "🙂",
  grinning: "😀", joy: "😂", wink: "😉", thinking_face: "🤔", sweat_smile: "😅", cry: "😢", scream: "😱",
  slightly_frowning_face: "🙁", sunglasses: "😎", heart: "❤️", tada: "🎉", sparkles: "✨", star: "⭐", fire: "🔥",
  rocket: "🚀", ship: "🚢", anchor: "⚓", boat: "⛵", seal: "🦭", white_check_mark: "✅", heavy_check_mark: "✔️",
  ballot_box_with_check: "☑️", x: "❌", no_entry: "⛔", no_entry_sign: "🚫", warning: "⚠️", rotating_light: "🚨",
  bell: "🔔", no_bell: "🔕", mega: "📣", loudspeaker: "📢", hourglass: "⌛", hourglass_flowing_sand: "⏳", watch: "⌚",
  alarm_clock: "⏰", stopwatch: "⏱️", calendar: "📅", date: "📅", clipboard: "📋", memo: "📝", pencil: "📝",
  pushpin: "📌", paperclip: "📎", link: "🔗", lock: "🔒", unlock: "🔓", key: "🔑", mag: "🔍", bulb: "💡", gear: "⚙️",
  wrench: "🔧", hammer: "🔨", hammer_and_wrench: "🛠️", package: "📦", computer: "💻", floppy_disk: "💾",
  chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", email: "✉️", phone: "☎️",
  pager: "📟", robot_face: "🤖", ghost: "👻", bug: "🐛", construction: "🚧", zap: "⚡", cloud: "☁️", sunny: "☀️",
  coffee: "☕", beers: "🍻", cake: "🍰", pizza: "🍕", information_source: "ℹ️", question: "❓", exclamation: "❗",
  heavy_plus_sign: "➕", heavy_minus_sign: "➖", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️",
  arrows_counterclockwise: "🔄", repeat: "🔁", stop_sign: "🛑", octagonal_sign: "🛑", red_circle: "🔴",
  large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  white_circle: "⚪", black_circle: "⚫", one: "1️⃣", two: "2️⃣", three: "3️⃣", speech_balloon: "💬", thread: "🧵",
};

export function emoji(name) {
  return Object.hasOwn(TABLE, name) ? TABLE[name] : `:${name}:`;
}

export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));
}
