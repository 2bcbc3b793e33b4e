"""What emitters do, simulated forward, and what kwatch makes of it. `recorder` knows nothing of kwatch."""
