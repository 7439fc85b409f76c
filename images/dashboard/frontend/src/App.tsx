// The frame around the screens: skip link, navigation, machine state, theme, the live region, and what is shown when a
// screen fails.
import { Component, type JSX, type ReactNode, useEffect, useRef } from "react";
import { Announcer } from "./announce";
import { logOut } from "./client";
import { History } from "./History";
import { Home } from "./Home";
import { Icon } from "./Icon";
import { useDeployment, useKnown } from "./live";
import { MachineState, Title } from "./parts";
import { ReportPage } from "./ReportPage";
import { type Route, useRoute } from "./router";
import { StatusPage } from "./StatusPage";
import { ThemeButton } from "./theme";

export function App({ version, login }: { version: string; login: boolean }): JSX.Element {
  const found = useRoute();
  const key = found.screen === "report" ? `report ${found.id}` : found.screen;
  const machine = useDeployment(found.screen === "status" ? 5000 : 10000);
  const arrived = useRef(key);
  const focus = arrived.current !== key;
  useEffect(() => {
    if (focus) window.scrollTo(0, 0);
    arrived.current = key;
  }, [key, focus]);
  const moved = useRef(false);
  if (focus) moved.current = true;
  return (
    <div className="shell">
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to the content; as an address, #main would change the screen */}
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="top">
        <div className="wrap bar">
          <a className="brand" href="#/">
            <img src="/static/icon.svg" alt="" width="28" height="28" />
            ERT <span>equity research</span>
          </a>
          <nav aria-label="Main">
            <Link to="#/" here={found.screen === "home"}>
              New
            </Link>
            <Link to="#/history" here={found.screen === "history"}>
              History
            </Link>
            <Link to="#/status" here={found.screen === "status"}>
              Status
            </Link>
          </nav>
          <MachineState machine={machine} />
          <ThemeButton />
          {login ? (
            <button type="button" className="plain-button" onClick={logOut}>
              Log out
            </button>
          ) : null}
        </div>
      </header>
      <main id="main" tabIndex={-1} className="wrap">
        <Guard key={key}>
          <Screen route={found} focus={moved.current} machine={machine} />
        </Guard>
      </main>
      <Footer version={version} />
      <Announcer />
    </div>
  );
}

function Screen({
  route,
  focus,
  machine,
}: {
  route: Route;
  focus: boolean;
  machine: ReturnType<typeof useDeployment>;
}): JSX.Element {
  switch (route.screen) {
    case "home":
      return <Home focus={focus} machine={machine} />;
    case "report":
      return <ReportPage id={route.id} focus={focus} machine={machine === "lost" ? null : machine} />;
    case "history":
      return <History focus={focus} />;
    case "status":
      return <StatusPage focus={focus} machine={machine} />;
    case "lost":
      return (
        <section>
          <Title page="No such page" focus={focus}>
            No such page
          </Title>
          <p>
            <a href="#/">Ask for a report</a>
          </p>
        </section>
      );
  }
}

const Link = ({ to, here, children }: { to: string; here: boolean; children: string }): JSX.Element => (
  <a href={to} aria-current={here ? "page" : undefined}>
    {children}
  </a>
);

function Footer({ version }: { version: string }): JSX.Element {
  const { connection } = useKnown();
  return (
    <footer className="wrap fine">
      <span>Not investment advice.</span>{" "}
      <span>
        Version {version}. Updates: <span data-connection={connection}>{connection}</span>.
      </span>
    </footer>
  );
}

/** One screen's failure is that screen's; the frame stays. */
class Guard extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <section>
        <h1>This screen could not be shown</h1>
        <p className="lead">Nothing is lost: reports are kept by the dashboard.</p>
        <button type="button" className="primary" onClick={() => this.setState({ failed: false })}>
          <Icon name="arrow" />
          Try again
        </button>
      </section>
    );
  }
}
