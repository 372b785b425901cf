"""How a model is judged: tasks, panels, answers and the intervals around them."""
