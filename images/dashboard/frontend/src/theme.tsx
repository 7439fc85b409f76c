// Light, dark, or what the system says; remembered on this device. `public/theme.js` applies it before the first paint.
import { type JSX, useState } from "react";
import { Icon } from "./Icon";

type Theme = "system" | "light" | "dark";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const NAMES: Record<Theme, string> = { system: "as the system", light: "light", dark: "dark" };
const KEY = "ert-theme";

function chosen(): Theme {
  const found = document.documentElement.dataset.theme;
  return found === "light" || found === "dark" ? found : "system";
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}

export function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState(chosen);
  const next = NEXT[theme];
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Theme: ${NAMES[theme]}. Change to ${NAMES[next]}`}
      title={`Theme: ${NAMES[theme]}`}
      onClick={() => {
        apply(next);
        setTheme(next);
      }}
    >
      <Icon name={theme} />
    </button>
  );
}
