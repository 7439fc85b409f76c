// Before the first paint: that scripts run here, and the theme somebody chose on this device, if he did.
document.documentElement.dataset.scripted = "";
try {
  const chosen = localStorage.getItem("ert-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is switched off: the system's theme it is.
}
