// Starts the page: fonts and styles, the live connection, React.
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { connect } from "./live";
import "./fonts.css";
import "./styles.css";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no place to begin");
connect();
createRoot(root).render(<App version={root.dataset.version ?? ""} login={root.dataset.login !== undefined} />);
